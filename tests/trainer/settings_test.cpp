#include "trainer/settings.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"

namespace cascadecl {

using namespace testing;

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
  settings.patience = -1;
  CHECK(contains(refusal(settings), "patience"));
  for (const bool best : {true, false}) {
    settings = short_training();
    settings.stages = {"resnet-8"};
    settings.validation_share = 0;
    settings.keep = best ? KeepEpoch::best : KeepEpoch::last;
    settings.patience = best ? 0 : 1;
    CHECK(contains(refusal(settings), "validation share: keep best and patience need held-out images"));
  }
  settings = short_training();
  settings.cutout = 4;
  settings.augment = false;
  CHECK(contains(refusal(settings), "cutout"));
  settings = short_training();
  settings.stages = {"resnet-9"};
  CHECK(contains(refusal(settings), "resnet-9"));
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
  for (const TrainProgress& step : recorder.progress) CHECK(step.images_done == 60);
}

}  // namespace cascadecl
