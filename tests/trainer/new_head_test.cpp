#include "trainer/new_head.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "runtime/network/zoo.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/train.h"

namespace cascadecl {
namespace {

using namespace testing;

// A trained model of four classes for the images of images(), of other names.
Model base_model() {
  Model model = random_model({make_network("resnet-8", {3, 8, 8}, 4), make_network("resnet-14", {3, 8, 8}, 4)}, 3);
  model.label_names = {"oak", "elm", "ash", "yew"};
  model.temperatures = {1.5, 2};
  return model;
}

TrainSettings fine_tuning() {
  TrainSettings settings = short_training();
  settings.stages = {"resnet-8", "resnet-14"};
  settings.joint = settings.policy = false;
  settings.new_head = true;
  return settings;
}

TEST_CASE("a new head has the shape of the other classes, and all other parameters are those of the model") {
  const Model base = base_model();
  DatasetHeader header = images().header();
  header.color_order = "BGR";
  const Model tuned = with_new_head(base, header, 1);
  CHECK(tuned.classes == 10);
  CHECK(tuned.label_names == header.label_names);
  CHECK(tuned.mean == header.mean);
  CHECK(tuned.color_order == "BGR");
  CHECK(tuned.policies.empty());
  CHECK(tuned.temperatures.empty());
  REQUIRE(tuned.stages.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    const Stage &stage = tuned.stages[k], &old = base.stages[k];
    CHECK(stage.network == make_network(old.network.name(), {3, 8, 8}, 10));
    const std::string head = stage.network.layers().back().name + "/";
    for (const auto& [key, values] : stage.parameters) {
      CAPTURE(key);
      if (key.starts_with(head)) {
        CHECK(values.size() == old.parameters.at(key).size() / 4 * 10);
      } else {
        CHECK(values == old.parameters.at(key));
      }
    }
  }
  CHECK(with_new_head(base, header, 2).stages[0].parameters != tuned.stages[0].parameters);
}

TEST_CASE("fine-tuning with a scale of 0 changes the head and the statistics of batch norm alone") {
  Recorder nobody;
  TrainSettings settings = fine_tuning();
  settings.base_learning_rate_scale = 0;
  const Model base = base_model(), tuned = run(settings, nobody, {}, false, base).model;
  CHECK(tuned.policies.size() == 1);
  CHECK(tuned.policies[0].classes == 10);
  const Stage& stage = tuned.stages[1];
  const Model start = with_new_head(base, images().header(), settings.seed);
  const std::string head = stage.network.layers().back().name + "/";
  const ParameterShapes trained = trained_parameter_shapes(stage.network);
  for (const auto& [key, values] : stage.parameters) {
    CAPTURE(key);
    if (trained.contains(key)) CHECK((values == start.stages[1].parameters.at(key)) == !key.starts_with(head));
  }
}

TEST_CASE("fine-tuning learns, resumes to the same bits, and not with another scale") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  const TrainSettings settings = fine_tuning();
  Recorder nobody, stopped(3);
  const Model base = base_model(), whole = run(settings, nobody, {}, false, base).model;
  CHECK(whole.stages[0].parameters != with_new_head(base, images().header(), settings.seed).stages[0].parameters);
  CHECK_FALSE(run(settings, stopped, file, false, base).complete);
  TrainSettings other = settings;
  other.base_learning_rate_scale = 0.5;
  CHECK(contains(error_of<UsageError>([&] { run(other, nobody, file, true, base); }), "base_learning_rate_scale (0.1"));
  check_same(run(settings, nobody, file, true, base).model, whole);
}

TEST_CASE("a new head is refused without a model, without pretraining, with another size and with refit all") {
  Recorder nobody;
  const auto refusal = [&](const TrainSettings& settings, const std::optional<Model>& from) {
    return error_of<Error>([&] { run(settings, nobody, {}, false, from); });
  };
  TrainSettings settings = fine_tuning();
  CHECK(contains(refusal(settings, {}), "new head: there is no model to start from"));
  Model larger = random_model({make_network("resnet-8", {3, 9, 8}, 4)}, 1);
  CHECK(
      contains(refusal(settings, larger), "its images are [3,8,8] (channels, rows, columns), the model takes [3,9,8]"));
  settings.refit = Refit::all;
  CHECK(contains(refusal(settings, base_model()), "refit all: not with a new head"));
  settings = fine_tuning();
  settings.pretrain = false;
  CHECK(contains(refusal(settings, base_model()), "new head: it learns in the phase pretrain"));
  settings = fine_tuning();
  settings.base_learning_rate_scale = 2;
  CHECK(contains(refusal(settings, base_model()), "base learning rate scale: expected 0 to 1"));
}

}  // namespace
}  // namespace cascadecl
