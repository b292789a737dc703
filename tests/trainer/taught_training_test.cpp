#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/train.h"

namespace cascadecl {
namespace {

using namespace testing;

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
  CHECK(nobody.progress.empty());
}

}  // namespace
}  // namespace cascadecl
