#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/train.h"

namespace cascadecl {
namespace {

using namespace testing;

// Keeps the parameters that the stages had after each epoch of their pretraining, from the checkpoint.
struct EpochLooker : Recorder {
  explicit EpochLooker(std::filesystem::path f) : file(std::move(f)) {}
  bool stop_requested() override {
    if (!std::filesystem::exists(file)) return false;
    const TrainState state = read_checkpoint(file).state;
    if (state.position != TrainState::Position::pretrain) return false;
    for (std::size_t i = 0; i < state.progress.size(); ++i)
      if (state.progress[i].step == 0) after[{i, state.progress[i].epoch}] = state.model.stages[i].parameters;
    return false;
  }
  std::filesystem::path file;
  std::map<std::pair<std::size_t, int>, Parameters> after;
};

// The epoch of the best held-out accuracy of a stage, by plain search.
int best_of(const std::vector<EpochRecord>& epochs, const std::string& stage) {
  int best = 0;
  double accuracy = -1;
  for (const EpochRecord& epoch : epochs) {
    if (epoch.what != stage || epoch.validation_accuracy.value() <= accuracy) continue;
    accuracy = *epoch.validation_accuracy;
    best = epoch.epoch;
  }
  return best;
}
TEST_CASE("with keep best each stage has the parameters of its best epoch, and the history marks it") {
  const TemporaryFolder folder;
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  settings.epochs = 6;
  settings.learning_rate = 0.4;  // so that held-out accuracy goes up and down
  EpochLooker looker(folder / "last.h5");
  const Model last = run(settings, looker, looker.file).model;
  settings.keep = KeepEpoch::best;
  Recorder recorder;
  const Model kept = run(settings, recorder).model;
  bool differs = false;
  for (std::size_t stage = 0; stage < 2; ++stage) {
    const std::string name = settings.stages[stage];
    const int best = best_of(recorder.epochs, name);
    CAPTURE(best);
    const bool is_last = best == 6;
    differs = differs || !is_last;
    CHECK(kept.stages[stage].parameters == (is_last ? last.stages[stage].parameters : looker.after.at({stage, best})));
    for (const auto& epoch : nlohmann::json::parse(kept.training)["history"])
      if (epoch["what"] == name) CHECK(epoch.contains("kept") == (epoch["epoch"] == best));
  }
  CHECK(differs);
  CHECK_FALSE(contains(last.training, "kept"));
}

TEST_CASE("a stage ends when its held-out accuracy has not got better for as many epochs as its patience") {
  TrainSettings settings = short_training();
  settings.epochs = 9;
  settings.learning_rate = 1e-30;  // only the statistics of batch norm change, less and less
  settings.joint = false;
  for (const int patience : {1, 3}) {
    CAPTURE(patience);
    settings.patience = patience;
    Recorder recorder;
    CHECK(run(settings, recorder).complete);
    int all = 0;
    for (const std::string& stage : settings.stages) {
      int last = 0;
      for (const EpochRecord& epoch : recorder.epochs)
        if (epoch.what == stage) CHECK(epoch.epoch == ++last);
      CHECK(last == std::min(9, best_of(recorder.epochs, stage) + patience));
      all += last;
    }
    CHECK(all < 18);
    CHECK(recorder.epochs.back().phase == "policy");
  }
}

TEST_CASE("a training that keeps best epochs and ends early, stopped anywhere, resumes to the same bits") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.epochs = 6;
  settings.learning_rate = 0.4;
  settings.patience = 2;
  settings.keep = KeepEpoch::best;
  settings.joint = false;
  Recorder unbroken;
  const TrainResult whole = run(settings, unbroken);
  int pretrained = 0;
  for (const EpochRecord& epoch : unbroken.epochs) pretrained += epoch.phase == "pretrain";
  CHECK(pretrained < 12);  // a stage did end early
  for (int stop_at = 1; stop_at <= unbroken.asked; stop_at += 2) {
    CAPTURE(stop_at);
    Recorder stopped(stop_at), rest;
    if (run(settings, stopped, file).complete) continue;
    const TrainResult resumed = run(settings, rest, file, true);
    check_same(whole.model, resumed.model);
    CHECK(milestones(whole.model) == milestones(resumed.model));
  }
}

TEST_CASE("a checkpoint without the parameters of the best epoch is refused where they are to be kept") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.keep = KeepEpoch::best;
  Recorder stopped(7), nobody;  // in the second epoch of the first stage
  CHECK_FALSE(run(settings, stopped, file).complete);
  Checkpoint bad = read_checkpoint(file);
  REQUIRE_FALSE(bad.state.best[0].empty());
  bad.state.best[0].clear();
  write_checkpoint(file, bad);
  CHECK(
      contains(error_of<FileError>([&] { run(settings, nobody, file, true); }), "/checkpoint/stages/0/best: missing"));
}

}  // namespace
}  // namespace cascadecl
