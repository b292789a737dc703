#include "trainer/train.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/cascade_table.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/calibrate.h"
#include "trainer/held_out.h"
#include "trainer/policy_phase.h"
#include "trainer/relative_costs.h"

namespace cascadecl {

using namespace testing;

TEST_CASE("temperatures and weights are those that calibrate fits on the held-out images") {
  Recorder nobody;
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;  // they come with pretraining, too
  const Model trained = run(settings, nobody).model;
  const std::vector<std::int64_t> held_out = held_out_images(trained, images());
  Model stages = trained;
  stages.policies.clear();
  stages.temperatures.clear();
  CascadeTable table = cascade_table(stages, test_device(), images(), held_out, {.max_batch = settings.batch_size});
  const Model fitted = calibrate(stages, table, test_device(), {.exit_functions = false}).model;
  CHECK(trained.temperatures == fitted.temperatures);
  CHECK(trained.combination == fitted.combination);
}

TEST_CASE("a training from a calibrated model drops what was fitted to what it changes") {
  Recorder nobody;
  Model calibrated = run(short_training(), nobody).model;
  calibrated.decision = {{PolicyKind::margin, 0.25}, Combine::last};
  calibrated.temperatures = {1.5, 2};
  TrainSettings policies = short_training();
  policies.pretrain = policies.joint = false;
  const Model again = run(policies, nobody, {}, false, calibrated).model;
  CHECK_FALSE(again.decision.has_value());
  CHECK(again.temperatures.size() == 2);
  CHECK(again.temperatures != calibrated.temperatures);
  policies.joint = true;
  const Model jointly = run(policies, nobody, {}, false, calibrated).model;
  CHECK_FALSE(jointly.decision.has_value());
  CHECK(jointly.temperatures.empty());
}

TEST_CASE("a loss that is not finite ends the training, and the last checkpoint stays good") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  Recorder nobody;
  SUBCASE("in the second stage") {
    Model initial;
    {
      TrainSettings untrained = settings;
      untrained.epochs = untrained.learning.epochs = untrained.joint_epochs = 0;
      initial = run(untrained, nobody).model;
    }
    for (auto& [key, values] : initial.stages[1].parameters)
      if (key.ends_with("/weight"))
        for (float& value : values) value *= 1e30F;
    CHECK_THROWS_AS(run(settings, nobody, file, false, initial), TrainingError);
    CHECK(place_of(read_checkpoint(file).state) == "pretrain 1");
    CHECK(read_checkpoint(file).state.history.size() == 2);
    CHECK(read_model(file).stages.size() == 2);
  }
  SUBCASE("by a learning rate that is too large") {
    settings.learning_rate = 1e6;
    settings.epochs = 10;
    CHECK(contains(error_of<TrainingError>([&] { run(settings, nobody, file); }), "learning-rate"));
    if (std::filesystem::exists(file)) CHECK(read_model(file).stages.size() == 2);
  }
  SUBCASE("by the parameters of a single step") {
    settings.learning_rate = 1e38;
    settings.batch_size = 100;
    settings.epochs = 10;
    CHECK(contains(error_of<TrainingError>([&] { run(settings, nobody, file); }), "learning-rate"));
    if (std::filesystem::exists(file)) CHECK(read_model(file).stages.size() == 2);
  }
  SUBCASE("in the joint phase") {
    settings.joint_learning_rate = 1e38;
    CHECK(contains(error_of<TrainingError>([&] { run(settings, nobody, file); }), "joint"));
    CHECK(place_of(read_checkpoint(file).state) == "joint");
  }
}

TEST_CASE("a training learns: the loss falls and held-out images are told apart") {
  const MemoryDataset data = generate_in_memory(easy_images(16), 0, 1000);
  TrainSettings settings{.stages = {"resnet-8"}, .epochs = 8, .batch_size = 16, .augment = false};
  Recorder recorder;
  const TrainResult result = train(settings, data, test_device(), recorder);
  REQUIRE(recorder.epochs.size() == 8);
  CHECK(recorder.epochs.back().loss < 0.5 * recorder.epochs.front().loss);
  CHECK(recorder.epochs.back().validation_accuracy.value() > 0.6);  // chance: 0.1
  CHECK(result.model.policies.empty());
}

TEST_CASE("phases start from a given model and leave alone what they do not train") {
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  Recorder nobody;
  const Model pretrained = run(settings, nobody).model;

  settings.pretrain = false;
  settings.policy = true;
  const Model with_policy = run(settings, nobody, {}, false, pretrained).model;
  CHECK(with_policy.stages[0].parameters == pretrained.stages[0].parameters);
  CHECK(with_policy.stages[1].parameters == pretrained.stages[1].parameters);
  CHECK_FALSE(same(with_policy.policies[0], pretrained.policies[0]));

  settings.policy = false;
  settings.joint = true;
  settings.joint_epochs = 1;
  settings.learning.epochs = 0;
  const Model joint = run(settings, nobody, {}, false, with_policy).model;
  CHECK(joint.stages[0].parameters != with_policy.stages[0].parameters);
  CHECK(same(joint.policies[0], with_policy.policies[0]));

  Model foreign = pretrained;
  foreign.input = {3, 9, 9};
  CHECK_THROWS_AS(run(settings, nobody, {}, false, foreign), FileError);
}

TEST_CASE("policies learn by the policy phase from held-out images, with the momentum of the training") {
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  Recorder nobody;
  const Model pretrained = run(settings, nobody).model;
  settings.pretrain = false;
  settings.policy = true;
  settings.momentum = 0.5;
  const Model trained = run(settings, nobody, {}, false, pretrained).model;

  const ValidationSplit split = split_validation(images().labels(), settings.validation_share, settings.seed);
  const StageOutputs outputs =
      stage_outputs(trained, test_device(), images(), split.held_out, {.max_batch = 16}, false);
  std::vector<int> labels;
  for (const std::int64_t i : split.held_out) labels.push_back(images().labels()[static_cast<std::size_t>(i)]);
  const auto fitted = [&](double momentum) {
    PolicyPhase phase(test_device(),
                      {.learning = settings.learning, .batch_size = settings.batch_size, .momentum = momentum},
                      relative_costs(trained), trained.classes, outputs.probabilities.values, labels);
    while (!phase.finished()) phase.run_epoch();
    return phase.policies();
  };
  CHECK(same(trained.policies[0], fitted(0.5)[0]));
  CHECK_FALSE(same(trained.policies[0], fitted(0.9)[0]));

  settings.momentum = 1;
  CHECK_THROWS_WITH_AS(run(settings, nobody, {}, false, pretrained), doctest::Contains("momentum"), UsageError);
}

TEST_CASE("a stage of an earlier model keeps its weights while the others are pretrained") {
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  Recorder nobody, second;
  const Model earlier = run(settings, nobody).model;
  const TemporaryFolder folder;
  const std::string path = (folder / "earlier.h5").string();
  write_model(path, earlier);
  const std::string own = settings.stages[1];
  settings.stages = {path + "#0", own};
  settings.seed += 1;
  const Model mixed = run(settings, second).model;
  CHECK(mixed.stages[0].parameters == earlier.stages[0].parameters);
  CHECK(mixed.stages[1].parameters != earlier.stages[1].parameters);
  for (const EpochRecord& epoch : second.epochs) CHECK(epoch.what == earlier.stages[1].network.name());
  settings.stages = {path + "#2", own};
  CHECK_THROWS_WITH_AS(run(settings, nobody), doctest::Contains("MODEL#0 to MODEL#1"), UsageError);
}

TEST_CASE("relative costs are shares of the largest stage's multiply-adds, policies paid for") {
  TrainSettings settings = short_training();
  settings.pretrain = settings.policy = settings.joint = false;
  Recorder nobody;
  const Model model = run(settings, nobody).model;
  const std::vector<double> costs = relative_costs(model);
  const auto largest = static_cast<double>(model.stages[1].network.macs());
  REQUIRE(costs.size() == 2);
  CHECK(costs[0] ==
        doctest::Approx(static_cast<double>(model.stages[0].network.macs() + model.policies[0].macs()) / largest));
  CHECK(costs[1] == 1.0);
}

TEST_CASE("stages pretrained on several devices get the bits and the history of one after the other") {
  TrainSettings settings = short_training();
  settings.joint = false;
  Recorder nobody, shared;
  const Model whole = run(settings, nobody).model;
  const TrainResult parallel = train(settings, images(), two_devices(), shared);
  REQUIRE(parallel.complete);
  check_same(whole, parallel.model);
  CHECK(milestones(whole) == milestones(parallel.model));
  CHECK(shared.epochs.size() == nobody.epochs.size());
}

TEST_CASE("a stage that fails stops the others, which are kept") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.joint = settings.policy = false;
  settings.epochs = 200;
  Recorder nobody;
  TrainSettings untrained = settings;
  untrained.epochs = 0;
  Model initial = run(untrained, nobody).model;
  for (auto& [key, values] : initial.stages[0].parameters)
    if (key.ends_with("/weight"))
      for (float& value : values) value *= 1e30F;
  CHECK_THROWS_AS(train(settings, images(), two_devices(), nobody, file, false, initial), TrainingError);
  const TrainState state = read_checkpoint(file).state;
  REQUIRE(state.progress.size() == 2);
  CHECK(state.progress[0].epoch == 0);
  CHECK(state.progress[1].epoch < 200);
}

}  // namespace cascadecl
