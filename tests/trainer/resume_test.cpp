#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/train.h"

namespace cascadecl {

using namespace testing;

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

TEST_CASE("a training stopped while it fits the frontier goes on to the same frontier and decision") {
  const TemporaryFolder folder;
  TrainSettings settings = short_training();
  settings.joint = false;
  settings.epochs = settings.learning.epochs = 1;
  settings.learning.input = PolicyInput::combined;
  settings.frontier = true;
  Recorder unbroken;
  const Model whole = run(settings, unbroken).model;
  REQUIRE(!whole.frontier.empty());
  REQUIRE(whole.decision);
  for (const int before_end : {1, 7, 13}) {
    Recorder stopped(unbroken.asked - before_end), rest;
    REQUIRE_FALSE(run(settings, stopped, folder / "checkpoint.h5").complete);
    CHECK(place_of(read_checkpoint(folder / "checkpoint.h5").state) == "frontier");
    const Model resumed = run(settings, rest, folder / "checkpoint.h5", true).model;
    check_same(whole, resumed);
    CHECK(to_string(resumed.decision->policy) == to_string(whole.decision->policy));
  }
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

TEST_CASE("a checkpoint of earlier versions, which tells less of settings and data, is gone on from") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder nobody, stopped(7), rest;
  const Model whole = run(short_training(), nobody).model;
  CHECK_FALSE(run(short_training(), stopped, file).complete);
  Checkpoint earlier = read_checkpoint(file);
  auto told = nlohmann::ordered_json::parse(earlier.settings);
  for (const char* later : {"keep", "patience", "class_weights", "color_order", "labels", "cost", "nesterov",
                            "label_smoothing", "flip", "cutout"})
    CHECK(told.erase(later) == 1);
  earlier.settings = told.dump();
  write_checkpoint(file, earlier);
  TrainSettings other = short_training();
  other.patience = 1;
  CHECK(contains(error_of<UsageError>([&] { run(other, nobody, file, true); }), "patience (0, not 1)"));
  check_same(whole, run(short_training(), rest, file, true).model);
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

TEST_CASE("a checkpoint from before some settings existed goes on as it was trained, and only so") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder nobody, stopped(4), rest;
  const TrainResult whole = run(short_training(), nobody);
  REQUIRE_FALSE(run(short_training(), stopped, file).complete);
  Checkpoint old = read_checkpoint(file);
  auto settings = nlohmann::ordered_json::parse(old.settings);
  for (const char* later : {"cost", "joint_loss", "nesterov", "label_smoothing", "flip", "cutout"})
    REQUIRE(settings.erase(later) == 1);
  old.settings = settings.dump();
  write_checkpoint(file, old);

  TrainSettings other = short_training();
  other.cost = CostUnit::ms;
  other.joint_loss = JointLoss::own;
  other.nesterov = true;
  other.label_smoothing = 0.05;
  other.flip = Flip::alternate;
  other.cutout = 4;
  CHECK(contains(error_of<UsageError>([&] { run(other, nobody, file, true); }),
                 "cost (\"mac\", not \"ms\"), joint_loss (\"reinforce\", not \"own\"), nesterov (false, not true), "
                 "label_smoothing (0.0, not 0.05), flip (\"random\", not \"alternate\"), cutout (0, not 4)"));
  const TrainResult resumed = run(short_training(), rest, file, true);
  REQUIRE(resumed.complete);
  check_same(whole.model, resumed.model);
  CHECK(milestones(whole.model) == milestones(resumed.model));
}

}  // namespace cascadecl
