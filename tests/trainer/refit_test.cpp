#include "trainer/refit.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/tradeoff/decide.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/checkpoint.h"
#include "trainer/held_out.h"
#include "trainer/pretrain.h"

namespace cascadecl {
namespace {

using namespace testing;

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

TEST_CASE("a refit leaves the frontier and the choice on it, and tells what the choice gave before") {
  TrainSettings settings = refitted(Refit::all);
  settings.frontier = true;
  settings.learning.input = PolicyInput::combined;
  Recorder nobody;
  const Model refit = run(settings, nobody).model;
  settings.refit = Refit::none;
  const Model before = run(settings, nobody).model;
  REQUIRE(!before.frontier.points.empty());
  REQUIRE(refit.decision.has_value());
  CHECK(to_string(refit.decision->policy) == to_string(before.decision->policy));
  REQUIRE(refit.frontier.points.size() == before.frontier.points.size());
  for (std::size_t i = 0; i < refit.frontier.points.size(); ++i)
    CHECK(refit.frontier.points[i].top1 == before.frontier.points[i].top1);
  const Simulation simulation = simulate_model(
      before, cascade_table(before, test_device(), images(), held_out_images(before, images()), {.max_batch = 16}),
      test_device());
  CHECK(nlohmann::json::parse(refit.training)["before_refit"]["top1"] == simulation.top1);
}

TEST_CASE("a refit runs all epochs and keeps the last, whatever pretraining did") {
  TrainSettings settings = refitted(Refit::all);
  settings.policy = false;
  settings.epochs = 6;
  settings.learning_rate = 0.4;
  settings.patience = 2;
  settings.keep = KeepEpoch::best;
  Recorder heard, nobody;
  const Model refit = run(settings, heard).model;
  int pretrained = 0, refitted_epochs = 0;
  for (const EpochRecord& epoch : heard.epochs) (epoch.phase == "refit" ? refitted_epochs : pretrained) += 1;
  CHECK(pretrained < 12);
  CHECK(refitted_epochs == 12);
  TrainSettings on_all = settings;
  on_all.refit = Refit::none;
  on_all.patience = 0;
  on_all.keep = KeepEpoch::last;
  on_all.validation_share = 0;
  const Model all = run(on_all, nobody).model;
  for (std::size_t k = 0; k < 2; ++k) CHECK(refit.stages[k].parameters == all.stages[k].parameters);
}

}  // namespace
}  // namespace cascadecl
