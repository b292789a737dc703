#include "trainer/train.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/tradeoff/decide.h"
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

// Devices of the same kind for two threads: handles on one device, each with a queue of its own.
std::vector<Device> two_devices() { return {test_device(), Device(test_device().info())}; }

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
  const char* names[] = {"pretrain", "policy", "joint", "refit", "done"};
  std::string place = names[static_cast<int>(state.position)];
  std::size_t current = 0;
  if (state.position == TrainState::Position::pretrain || state.position == TrainState::Position::refit) {
    while (current + 1 < state.progress.size() && state.progress[current].epoch >= 2) ++current;  // of short_training()
    place += " " + std::to_string(current);
  }
  if (!state.progress.empty() && state.progress[current].step > 0) place += " mid-epoch";
  if (state.policies_due) place += " policies due";
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
                                        "policy", "joint", "joint mid-epoch", "joint policies due"});
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
  for (const StepReport& step : recorder.steps) CHECK(step.images_done == 60);
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

// A training of two stages of which the second learns from the answers of a model in `folder`.
TrainSettings taught_training(const TemporaryFolder& folder) {
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  Recorder nobody;
  TrainSettings teacher = settings;
  teacher.seed = 5;
  const std::string path = (folder / "teacher.h5").string();
  write_model(path, run(teacher, nobody).model);
  settings.teacher = path;
  settings.teacher_weight = {{0, 0.9}};
  return settings;
}

TEST_CASE("stages with a weight learn from the teacher, those without as if there were none, and resume so") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  const TrainSettings settings = taught_training(folder);
  TrainSettings alone = settings;
  alone.teacher.clear();
  Recorder unbroken, nobody;
  const Model taught = run(settings, unbroken).model, untaught = run(alone, nobody).model;
  CHECK(taught.stages[0].parameters == untaught.stages[0].parameters);
  CHECK(taught.stages[1].parameters != untaught.stages[1].parameters);
  const auto told = nlohmann::json::parse(taught.training)["settings"];
  CHECK(told["teacher_weight"] == std::vector<double>{0, 0.9});
  CHECK(told["teacher_temperature"] == 3);
  CHECK(nlohmann::json::parse(untaught.training)["settings"]["teacher_weight"].is_null());
  for (const int stop_at : {3, 13, unbroken.asked - 3}) {
    CAPTURE(stop_at);
    Recorder stopped(stop_at);
    REQUIRE_FALSE(run(settings, stopped, file).complete);
    check_same(taught, run(settings, nobody, file, true).model);
  }
  // Each setting reaches the training, and so does each teacher.
  const auto second_stage_of = [&](const std::function<void(TrainSettings&)>& change) {
    TrainSettings other = settings;
    change(other);
    return run(other, nobody).model.stages[1].parameters;
  };
  CHECK(second_stage_of([](TrainSettings& s) { s.teacher_weight = {{0, 0.5}}; }) != taught.stages[1].parameters);
  CHECK(second_stage_of([](TrainSettings& s) { s.teacher_temperature = 5; }) != taught.stages[1].parameters);
  CHECK(second_stage_of([](TrainSettings& s) { s.teacher += "#0"; }) != taught.stages[1].parameters);
  CHECK(second_stage_of([](TrainSettings& s) { s.teacher += "#combined"; }) != taught.stages[1].parameters);
  CHECK(second_stage_of([](TrainSettings& s) { s.teacher += "#1"; }) == taught.stages[1].parameters);
  CHECK(train(settings, images(), two_devices(), nobody).model.stages[1].parameters == taught.stages[1].parameters);
}

TEST_CASE("resuming with another teacher is refused, also one of the same name") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  const TrainSettings settings = taught_training(folder);
  Recorder stopped(13), nobody;
  REQUIRE_FALSE(run(settings, stopped, file).complete);
  TrainSettings other = settings;
  other.teacher += "#combined";
  CHECK(contains(error_of<UsageError>([&] { run(other, nobody, file, true); }), "teacher ("));
  other.teacher.clear();
  CHECK(contains(error_of<UsageError>([&] { run(other, nobody, file, true); }), "teacher ("));
  Model changed = read_model(settings.teacher);
  changed.stages[1].parameters.begin()->second.front() += 1;
  write_model(settings.teacher, changed);
  CHECK(contains(error_of<UsageError>([&] { run(settings, nobody, file, true); }), "teacher_identity ("));
}

TEST_CASE("a teacher that cannot teach is refused before the training") {
  const TemporaryFolder folder;
  const TrainSettings good = taught_training(folder);
  Recorder nobody;
  const auto refusal = [&](const std::function<void(TrainSettings&)>& change) {
    TrainSettings settings = good;
    change(settings);
    return error_of<UsageError>([&] { run(settings, nobody); });
  };
  CHECK(contains(refusal([](TrainSettings& s) { s.teacher += "#2"; }), "MODEL#0 to MODEL#1"));
  CHECK(contains(refusal([](TrainSettings& s) { s.teacher_weight = {{1, 1, 1}}; }), "teacher weight: 3 values"));
  CHECK(contains(refusal([](TrainSettings& s) { s.teacher_weight = 1.5; }), "teacher weight: expected 0 to 1"));
  CHECK(contains(refusal([](TrainSettings& s) { s.teacher_weight = 0.0; }), "no stage"));
  CHECK(contains(refusal([](TrainSettings& s) { s.teacher_temperature = -1; }), "teacher temperature"));
  CHECK(contains(refusal([](TrainSettings& s) {
                   s.pretrain = false;
                   s.policy = true;
                 }),
                 "phase pretrain"));
  CHECK(nobody.steps.empty());
}

// A training of stages and policies, and then of the stages on all images.
TrainSettings refitted(Refit refit) {
  TrainSettings settings = short_training();
  settings.joint = false;
  settings.refit = refit;
  return settings;
}

TEST_CASE("a refit trains the stages anew as a pretraining on all images does, and the rest stays") {
  Recorder heard, nobody;
  const TrainSettings settings = refitted(Refit::all);
  const Model refit = run(settings, heard).model, before = run(refitted(Refit::none), nobody).model;
  TrainSettings on_all = settings;
  on_all.refit = Refit::none;
  on_all.policy = false;
  on_all.validation_share = 0;
  const Model all = run(on_all, nobody).model;
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(refit.stages[k].parameters == all.stages[k].parameters);
    CHECK(refit.stages[k].parameters != before.stages[k].parameters);
  }
  CHECK(same(refit.policies[0], before.policies[0]));
  CHECK(refit.temperatures == before.temperatures);
  CHECK(refit.combination == before.combination);
  std::vector<std::string> epochs;
  for (const EpochRecord& epoch : heard.epochs)
    if (epoch.phase == "refit") {
      epochs.push_back(epoch.what + " " + std::to_string(epoch.epoch));
      CHECK_FALSE(epoch.validation_accuracy.has_value());
    }
  CHECK(epochs == std::vector<std::string>{"resnet-8 1", "resnet-8 2", "resnet-14 1", "resnet-14 2"});

  // What the model says of itself before.
  const auto told = nlohmann::json::parse(refit.training)["before_refit"];
  const CascadeTable table =
      cascade_table(before, test_device(), images(), held_out_images(before, images()), {.max_batch = 16});
  const Simulation simulation = simulate_model(before, table, test_device());
  CHECK(told["images"] == 20);
  CHECK(told["top1"] == simulation.top1);
  CHECK(told["mac_fraction"] == simulation.mac_fraction);
  CHECK(told["stopped"] == simulation.stopped);
  CHECK(told["stages"][1]["top1"] == simulate_static(table, 1).top1);
  CHECK(told["decision"].is_null());
}

TEST_CASE("a refit that continues runs the last third of the schedule on all images from the stages as they are") {
  CHECK(epochs_left_out(Refit::continued, 200) == 133);
  CHECK(epochs_left_out(Refit::continued, 3) == 2);
  CHECK(epochs_left_out(Refit::continued, 1) == 0);
  CHECK(epochs_left_out(Refit::continued, 0) == 0);
  CHECK(epochs_left_out(Refit::all, 200) == 0);

  TrainSettings settings = refitted(Refit::continued);
  settings.policy = false;
  settings.epochs = {{2, 4}};
  Recorder heard, nobody;
  const Model refit = run(settings, heard).model;
  settings.refit = Refit::none;
  const Model before = run(settings, nobody).model;
  const PretrainSettings second{.epochs = 4, .batch_size = 16, .seed = settings.seed + 7919};
  Pretrainer trainer(test_device(), before.stages[1].network, images(), all_indices(80), {}, second,
                     {.progress = {.epoch = 2}, .parameters = before.stages[1].parameters});
  while (!trainer.finished()) trainer.run_epoch(nobody);
  CHECK(refit.stages[1].parameters == trainer.state().parameters);
  std::vector<std::string> epochs;
  for (const EpochRecord& epoch : heard.epochs)
    if (epoch.phase == "refit") epochs.push_back(epoch.what + " " + std::to_string(epoch.epoch));
  CHECK(epochs == std::vector<std::string>{"resnet-8 2", "resnet-14 3", "resnet-14 4"});
}

TEST_CASE("a refit stopped anywhere goes on with the same bits and history, also on several devices") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  for (const Refit refit : {Refit::all, Refit::continued}) {
    const TrainSettings settings = refitted(refit);
    Recorder unbroken, before, nobody;
    const Model whole = run(settings, unbroken).model;
    run(refitted(Refit::none), before);
    std::set<std::string> places;
    for (int stop_at = before.asked + 1; stop_at <= unbroken.asked; ++stop_at) {
      CAPTURE(stop_at);
      Recorder stopped(stop_at);
      if (run(settings, stopped, file).complete) continue;
      places.insert(place_of(read_checkpoint(file).state));
      const Model resumed = run(settings, nobody, file, true).model;
      check_same(whole, resumed);
      CHECK(milestones(whole) == milestones(resumed));
      CHECK(nlohmann::json::parse(resumed.training)["before_refit"] ==
            nlohmann::json::parse(whole.training)["before_refit"]);
    }
    CHECK(places == std::set<std::string>{"refit 0", "refit 0 mid-epoch", "refit 1", "refit 1 mid-epoch"});
    const Model parallel = train(settings, images(), two_devices(), nobody).model;
    check_same(whole, parallel);
    CHECK(milestones(whole) == milestones(parallel));
  }
}

TEST_CASE("a stage learns from its teacher in the refit, too") {
  const TemporaryFolder folder;
  TrainSettings settings = taught_training(folder);
  settings.refit = Refit::all;
  Recorder nobody;
  const Model refit = run(settings, nobody).model;
  settings.refit = Refit::none;
  settings.validation_share = 0;
  CHECK(refit.stages[1].parameters == run(settings, nobody).model.stages[1].parameters);
}

// Gives the model a decision before its refit.
struct Decider : Recorder {
  std::string before_refit(Model& model, std::span<const std::int64_t> held_out, int batch_size) override {
    ++calls;
    model.decision = {{PolicyKind::margin, 0.25}, Combine::last};
    CHECK(held_out.size() == 20);
    CHECK(batch_size == 16);
    if (fails) throw Error("out of reach");
    return R"({"found": true})";
  }
  int calls = 0;
  bool fails = false;
};

TEST_CASE("an observer gives the model a decision before the refit, which stays") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Decider decider, again;
  decider.fails = true;
  CHECK(contains(error_of<Error>([&] { run(refitted(Refit::all), decider, file); }), "out of reach"));
  CHECK(decider.calls == 1);
  CHECK(place_of(read_checkpoint(file).state) == "refit 0");
  CHECK_FALSE(read_checkpoint(file).state.model.decision.has_value());
  const Model model = run(refitted(Refit::all), again, file, true).model;
  CHECK(again.calls == 1);
  REQUIRE(model.decision.has_value());
  CHECK(model.decision->policy.kind == PolicyKind::margin);
  CHECK(nlohmann::json::parse(model.training)["before_refit"]["decision"]["found"] == true);
  for (const EpochRecord& epoch : again.epochs) CHECK(epoch.phase == "refit");
}

TEST_CASE("after a refit no image is held out any more, for a fit or for another training") {
  const TemporaryFolder folder;
  Recorder nobody;
  const Model refit = run(refitted(Refit::continued), nobody).model;
  CHECK(saw_held_out(refit, images()));
  CHECK(contains(error_of<UsageError>([&] { held_out_images(refit, images()); }), "refit"));
  const MemoryDataset others = generate_in_memory(easy_images(8), 0, 90);
  CHECK_FALSE(saw_held_out(refit, others));
  CHECK(contains(error_of<UsageError>([&] { held_out_images(refit, others); }), "90"));

  TrainSettings settings = refitted(Refit::none);
  const auto refusal = [&](const TrainSettings& s, const std::optional<Model>& initial = {}) {
    return error_of<UsageError>([&] { run(s, nobody, {}, false, initial); });
  };
  CHECK(contains(refusal(settings, refit), "from: it was trained on all 80 images"));
  const std::string path = (folder / "refit.h5").string();
  write_model(path, refit);
  settings.stages = {path + "#0", "resnet-14"};
  CHECK(contains(refusal(settings), "refit.h5#0: it was trained on all 80 images"));
  settings.policy = false;
  settings.validation_share = 0;
  CHECK(run(settings, nobody).complete);

  settings = refitted(Refit::all);
  settings.validation_share = 0;
  settings.policy = false;
  CHECK(contains(refusal(settings), "refit: no image is held out"));
  TrainSettings plain = refitted(Refit::none);
  write_model(path, run(plain, nobody).model);
  settings = refitted(Refit::all);
  settings.stages = {path + "#0", path + "#1"};
  CHECK(contains(refusal(settings), "refit: all stages are of other models"));
}

TEST_CASE("a refit alone keeps the policies and the decision of the model that it begins with") {
  Recorder nobody;
  Model model = run(refitted(Refit::none), nobody).model;
  model.decision = {{PolicyKind::margin, 0.25}, Combine::last};
  TrainSettings settings = refitted(Refit::all);
  settings.pretrain = settings.policy = false;
  const Model refit = run(settings, nobody, {}, false, model).model;
  CHECK(same(refit.policies[0], model.policies[0]));
  CHECK(refit.temperatures == model.temperatures);
  REQUIRE(refit.decision.has_value());
  CHECK(refit.decision->policy.kind == PolicyKind::margin);
  CHECK(refit.stages[0].parameters != model.stages[0].parameters);
}

TEST_CASE("a checkpoint of before there were refits and teachers is gone on with") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  const TrainSettings settings = refitted(Refit::none);
  Recorder stopped(6), nobody;
  REQUIRE_FALSE(run(settings, stopped, file).complete);
  Checkpoint old = read_checkpoint(file);
  auto told = nlohmann::ordered_json::parse(old.settings);
  for (const char* later : {"refit", "teacher", "teacher_weight", "teacher_temperature"})
    REQUIRE(told.erase(later) == 1);
  old.settings = told.dump();
  write_checkpoint(file, old);
  check_same(run(settings, nobody).model, run(settings, nobody, file, true).model);
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
