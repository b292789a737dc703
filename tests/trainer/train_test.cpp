#include "trainer/train.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/cascade_table.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/training.h"
#include "trainer/calibrate.h"
#include "trainer/held_out.h"
#include "trainer/policy_phase.h"

namespace cascadecl {
namespace {

using namespace testing;

// 80 images, 60 of them to fit: 4 batches an epoch, the last one with 12 images.
const MemoryDataset& images() {
  static const MemoryDataset data = generate_in_memory(easy_images(8), 0, 80);
  return data;
}

TrainSettings short_training() {
  return {.stages = {"resnet-8", "resnet-14"},
          .joint = true,
          .epochs = 2,
          .joint_loss = JointLoss::reinforce,
          .joint_epochs = 2,
          .batch_size = 16,
          .joint_learning_rate = 1e-4,
          .validation_share = 0.25,
          .learning = {.epochs = 2, .input = PolicyInput::sorted, .hidden = 8}};
}

TrainResult run(const TrainSettings& settings, TrainObserver& observer, const std::filesystem::path& checkpoint = {},
                bool resume = false, const std::optional<Model>& initial = {}) {
  return train(settings, images(), test_device(), observer, checkpoint, resume, initial);
}

bool same(const Policy& a, const Policy& b) {
  return a.weight1 == b.weight1 && a.bias1 == b.bias1 && a.weight2 == b.weight2 && a.bias2 == b.bias2 &&
         a.weight3 == b.weight3 && a.bias3 == b.bias3;
}

void check_same(const Model& a, const Model& b) {
  REQUIRE(a.stages.size() == b.stages.size());
  REQUIRE(a.policies.size() == b.policies.size());
  for (std::size_t i = 0; i < a.stages.size(); ++i) CHECK(a.stages[i].parameters == b.stages[i].parameters);
  for (std::size_t i = 0; i < a.policies.size(); ++i) CHECK(same(a.policies[i], b.policies[i]));
  CHECK(a.temperatures == b.temperatures);
  CHECK(a.combination == b.combination);
}

// The history without times: what two trainings that are the same agree on.
std::vector<std::string> milestones(const Model& model) {
  std::vector<std::string> all;
  const auto training = nlohmann::json::parse(model.training);
  for (const auto& epoch : training["history"])
    all.push_back(epoch["phase"].get<std::string>() + epoch["what"].get<std::string>() + epoch["epoch"].dump() +
                  epoch["accuracy"].dump() + epoch["validation_accuracy"].dump());
  return all;
}

// "pretrain 1 mid-epoch" for a checkpoint in the middle of an epoch of stage 1.
std::string place_of(const TrainState& state) {
  const char* names[] = {"pretrain", "policy", "joint", "done"};
  std::string place = names[static_cast<int>(state.position)];
  std::size_t current = 0;
  if (state.position == TrainState::Position::pretrain) {
    while (current + 1 < state.progress.size() && state.progress[current].epoch >= 2) ++current;  // of short_training()
    place += " " + std::to_string(current);
  }
  if (!state.progress.empty() && state.progress[current].step > 0) place += " mid-epoch";
  if (state.refit) place += " refit";
  return place;
}

}  // namespace

TEST_CASE("a training stopped anywhere and resumed ends with the bits of one that was never stopped") {
  const TemporaryFolder folder;
  Recorder unbroken;
  const TrainResult whole = run(short_training(), unbroken);
  REQUIRE(whole.complete);

  std::set<std::string> places;
  for (int stop_at = 1; stop_at <= unbroken.asked; stop_at += 2) {
    CAPTURE(stop_at);
    Recorder stopped(stop_at), rest;
    const auto file = folder / "checkpoint.h5";
    if (!run(short_training(), stopped, file).complete) {
      places.insert(place_of(read_checkpoint(file).state));
      const TrainResult resumed = run(short_training(), rest, file, true);
      CHECK(resumed.complete);
      check_same(whole.model, resumed.model);
      CHECK(milestones(whole.model) == milestones(resumed.model));
    }
  }
  CHECK(places == std::set<std::string>{"pretrain 0", "pretrain 0 mid-epoch", "pretrain 1", "pretrain 1 mid-epoch",
                                        "policy", "joint", "joint mid-epoch", "joint refit"});
}

TEST_CASE("policies that see the combined answer resume with the same bits, and weights and temperatures with them") {
  const TemporaryFolder folder;
  for (const JointLoss loss : {JointLoss::cross_entropy, JointLoss::own}) {
    TrainSettings settings = short_training();
    settings.epochs = settings.joint_epochs = settings.learning.epochs = 1;
    settings.joint_loss = loss;
    settings.joint_learning_rate = 0.02;
    settings.learning.input = PolicyInput::combined;
    Recorder unbroken;
    const Model whole = run(settings, unbroken).model;
    CHECK(whole.policies.front().input == PolicyInput::combined);
    CHECK(whole.temperatures.size() == 2);
    CHECK(whole.combination != own_answers(2));
    std::set<std::string> places;
    for (int before_end = 1; before_end < 9; ++before_end) {
      Recorder stopped(unbroken.asked - before_end), rest;
      REQUIRE_FALSE(run(settings, stopped, folder / "checkpoint.h5").complete);
      places.insert(place_of(read_checkpoint(folder / "checkpoint.h5").state));
      const TrainResult resumed = run(settings, rest, folder / "checkpoint.h5", true);
      check_same(whole, resumed.model);
      CHECK(milestones(whole) == milestones(resumed.model));
    }
    CHECK(places.contains("policy"));
    CHECK(places.contains("joint mid-epoch"));
  }
}

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

TEST_CASE("a training stopped again and again ends with the same bits too") {
  const TemporaryFolder folder;
  Recorder nobody;
  const TrainResult whole = run(short_training(), nobody);
  for (const EstimatorKind estimator : {EstimatorKind::reinforce, EstimatorKind::exact}) {
    TrainSettings settings = short_training();
    settings.learning.estimator = estimator;
    int runs = 0;
    TrainResult result;
    for (; !result.complete && runs < 100; ++runs) {
      Recorder impatient(4);  // a run gets three steps or epochs further
      result = run(settings, impatient, folder / "checkpoint.h5", runs > 0);
    }
    CHECK(runs > 8);
    REQUIRE(result.complete);
    if (estimator == EstimatorKind::reinforce) {
      check_same(whole.model, result.model);
    } else {
      CHECK(whole.model.stages[0].parameters != result.model.stages[0].parameters);
    }
  }
}

TEST_CASE("stages have epochs, rates and cutouts of their own, and resume with the same bits") {
  const TemporaryFolder folder;
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  settings.epochs = {{1, 3}};
  settings.learning_rate = {{0.1, 0.05}};
  settings.cutout = {{0, 8}};
  settings.flip = Flip::alternate;
  settings.nesterov = true;
  settings.label_smoothing = 0.05;
  Recorder unbroken;
  const TrainResult whole = run(settings, unbroken);
  std::vector<std::string> epochs;
  for (const EpochRecord& epoch : unbroken.epochs) epochs.push_back(epoch.what + " " + std::to_string(epoch.epoch));
  CHECK(epochs == std::vector<std::string>{"resnet-8 1", "resnet-14 1", "resnet-14 2", "resnet-14 3"});
  for (int stop_at = 2; stop_at <= unbroken.asked; stop_at += 3) {
    CAPTURE(stop_at);
    const auto file = folder / "checkpoint.h5";
    Recorder stopped(stop_at), rest;
    if (run(settings, stopped, file).complete) continue;
    check_same(whole.model, run(settings, rest, file, true).model);
  }
  // Each setting reaches the training.
  const auto changes = [&](const TrainSettings& other, std::size_t stage) {
    Recorder nobody;
    return run(other, nobody).model.stages[stage].parameters != whole.model.stages[stage].parameters;
  };
  TrainSettings other = settings;
  other.cutout = 0;
  CHECK_FALSE(changes(other, 0));
  CHECK(changes(other, 1));
  other = settings;
  other.flip = Flip::random;
  CHECK(changes(other, 0));
  other = settings;
  other.nesterov = false;
  CHECK(changes(other, 0));
  other = settings;
  other.label_smoothing = 0;
  CHECK(changes(other, 0));
}

TEST_CASE("a checkpoint is written after every epoch and can be resumed when all is done") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  // Looks at the checkpoint before every step, where the one of the epoch before has been written.
  struct Looker : Recorder {
    explicit Looker(std::filesystem::path f) : file(std::move(f)) {}
    bool stop_requested() override {
      if (!epochs.empty()) records.insert(read_checkpoint(file).state.history.size());
      return false;
    }
    std::filesystem::path file;
    std::set<std::size_t> records;
  } looker(file);
  const TrainResult whole = run(short_training(), looker, file);
  // Two epochs of each stage, two of the policies, two joint ones each followed by two of the policies, which are
  // repeated as a whole: the checkpoint in the middle of them is that of before.
  CHECK(looker.records == std::set<std::size_t>{1, 2, 3, 4, 5, 6, 7, 9, 10});
  CHECK(place_of(read_checkpoint(file).state) == "done");
  Recorder nobody;
  check_same(whole.model, run(short_training(), nobody, file, true).model);
  CHECK(nobody.epochs.empty());
}

TEST_CASE("resuming under other settings or data is refused by name") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder stopped(2);
  CHECK_FALSE(run(short_training(), stopped, file).complete);
  const std::string before = read_text(file);
  Recorder nobody;
  const auto refusal = [&](const TrainSettings& settings) {
    return error_of<UsageError>([&] { run(settings, nobody, file, true); });
  };
  TrainSettings other = short_training();
  other.learning.alpha = 0.5;
  CHECK(contains(refusal(other), "alpha (0.1, not 0.5)"));
  other = short_training();
  other.seed = 2;
  other.batch_size = 8;
  CHECK(contains(refusal(other), "batch_size (16, not 8), seed (1, not 2)"));

  const MemoryDataset others = generate_in_memory(easy_images(8), 0, 90);
  CHECK(contains(error_of<UsageError>([&] { train(short_training(), others, test_device(), nobody, file, true); }),
                 "images (80, not 90)"));
  CHECK(read_text(file) == before);
}

TEST_CASE("a checkpoint whose history does not fit the epochs done is refused") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder stopped(7);  // in the second epoch of the first stage
  CHECK_FALSE(run(short_training(), stopped, file).complete);
  const Checkpoint good = read_checkpoint(file);
  REQUIRE(good.state.history.size() == 1);
  Recorder nobody;
  const auto refusal = [&](const Checkpoint& bad) {
    write_checkpoint(file, bad);
    return error_of<FileError>([&] { run(short_training(), nobody, file, true); });
  };
  Checkpoint bad = good;
  bad.state.progress[1].epoch = 1000000;
  CHECK(contains(refusal(bad), "stage 1 has done 1000000 epochs, expected at most 2"));
  bad = good;
  bad.state.progress[1].epoch = 2;
  CHECK(contains(refusal(bad), "has 1 records, expected 3"));
  bad = good;
  bad.state.history.clear();
  CHECK(contains(refusal(bad), "has 0 records, expected 1"));
  write_checkpoint(file, good);
  CHECK(run(short_training(), nobody, file, true).complete);
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

TEST_CASE("settings that cannot train are refused") {
  Recorder nobody;
  const auto refusal = [&](const TrainSettings& settings) {
    return error_of<UsageError>([&] { run(settings, nobody); });
  };
  TrainSettings settings = short_training();
  settings.validation_share = 0;
  CHECK(contains(refusal(settings), "validation share"));
  settings.validation_share = 1;
  CHECK(contains(refusal(settings), "validation share"));
  settings = short_training();
  settings.batch_size = 0;
  CHECK(contains(refusal(settings), "batch size"));
  settings = short_training();
  settings.epochs = -1;
  CHECK(contains(refusal(settings), "epochs"));
  settings = short_training();
  settings.epochs = {{1, 2, 3}};
  CHECK(contains(refusal(settings), "epochs: 3 values for 2 stages; expected one for all, or one for each"));
  settings = short_training();
  settings.cutout = 4;
  settings.augment = false;
  CHECK(contains(refusal(settings), "cutout"));
  settings = short_training();
  settings.stages = {"resnet-9"};
  CHECK(contains(refusal(settings), "resnet-9"));
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

TEST_CASE("a single stage is pretrained only, with or without images held out") {
  for (const double share : {0.0, 0.25}) {
    TrainSettings settings = short_training();
    settings.stages = {"resnet-8"};
    settings.validation_share = share;
    Recorder recorder;
    const TrainResult result = run(settings, recorder);
    CHECK(result.complete);
    CHECK(result.model.policies.empty());
    REQUIRE(recorder.epochs.size() == 2);
    CHECK(recorder.epochs[1].validation_accuracy.has_value() == (share > 0));
    CHECK_NOTHROW(check_model(result.model));
  }
}

TEST_CASE("a cascade is pretrained without images held out if no policies are to be trained") {
  TrainSettings settings = short_training();
  settings.validation_share = 0;
  settings.policy = settings.joint = false;
  Recorder recorder;
  CHECK(run(settings, recorder).model.policies.size() == 1);
  CHECK(recorder.epochs.size() == 4);
}

TEST_CASE("a batch may be larger than all images") {
  TrainSettings settings = short_training();
  settings.batch_size = 128;
  Recorder recorder;
  CHECK(run(settings, recorder).complete);
  CHECK(recorder.epochs.size() == 12);
  for (const TrainProgress& progress : recorder.progress) CHECK(progress.images_done == 60);
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

TEST_CASE("a training priced by measured time keeps the price that it began with") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.cost = CostUnit::ms;
  settings.joint = false;
  Recorder stopped(3), rest;
  REQUIRE_FALSE(run(settings, stopped, file).complete);
  const std::vector<double> costs = read_checkpoint(file).state.relative_costs;
  REQUIRE(costs.size() == 2);
  CHECK(*std::ranges::max_element(costs) == 1.0);
  const TrainResult resumed = run(settings, rest, file, true);
  CHECK(nlohmann::json::parse(resumed.model.training)["relative_costs"] == costs);

  settings.cost = CostUnit::mac;
  CHECK(contains(error_of<UsageError>([&] { run(settings, rest, file, true); }), "cost (\"ms\", not \"mac\")"));
}

// Devices of the same kind for two threads: handles on one device, each with a queue of its own.
std::vector<Device> two_devices() { return {test_device(), Device(test_device().info())}; }

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

TEST_CASE("pretraining on several devices goes on from where it stopped, on as many devices as there then are") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.joint = settings.policy = false;
  Recorder nobody;
  const Model whole = run(settings, nobody).model;
  for (const int stop_at : {1, 4, 9, 14}) {
    CAPTURE(stop_at);
    for (const bool first_parallel : {true, false}) {
      for (const bool then_parallel : {true, false}) {
        Recorder stopping(stop_at), rest;
        const std::vector<Device> one = {test_device()};
        const auto begun = train(settings, images(), first_parallel ? two_devices() : one, stopping, file);
        if (begun.complete) continue;
        const TrainResult resumed = train(settings, images(), then_parallel ? two_devices() : one, rest, file, true);
        REQUIRE(resumed.complete);
        check_same(whole, resumed.model);
        CHECK(milestones(whole) == milestones(resumed.model));
      }
    }
  }
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
