#include <doctest/doctest.h>

#include <algorithm>

#include "cli/open_device.h"
#include "data/dataset_file.h"
#include "data/files/hdf5_file.h"
#include "data/loader.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"
#include "runtime/classifier/classifier.h"
#include "tests/cli/process.h"
#include "tests/cli/trained_world.h"

namespace cascadecl::testing {
namespace {

TEST_CASE("calibrate fits what is asked for, and never makes the likelihood worse") {
  const TrainedWorld world;
  const std::string output = world.path("c.h5");
  const Finished run = cascadecl_run({"calibrate", world.trained(), "--data", world.data(), "-o", output,
                                      "--policy-epochs", "2", "--json", "--quiet"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.json()["images"] == 10);
  CHECK(run.json()["decision"].is_null());
  const nlohmann::json stages = run.json()["stages"];
  REQUIRE(stages.size() == 2);
  for (const auto& stage : stages) {
    CHECK(stage["nll_after"] <= stage["nll_before"]);
    CHECK(stage["nll_combined"].get<double>() <= stage["nll_after"].get<double>() + 1e-5);
    CHECK(stage["temperature"] > 0);
  }
  for (const char* flag : {"--policy=ann", "--combine=fitted"})
    CHECK(cascadecl_run({"eval", output, "--data", world.data(), flag, "--quiet"}).status == 0);
  CHECK(error_fault(cascadecl_run({"eval", world.trained(), "--data", world.data(), "--policy", "ann"}), 2,
                    "calibrate") == "");
  const std::string bare = world.path("bare.h5");
  REQUIRE(cascadecl_run({"calibrate", world.trained(), "--data", world.data(), "-o", bare, "--temperature", "no",
                         "--combination", "no", "--exit-functions", "no", "--quiet"})
              .status == 0);
  const Model trained = read_model(world.trained()), kept = read_model(bare);
  CHECK(kept.temperatures == trained.temperatures);
  CHECK(kept.combination == trained.combination);
}

std::vector<std::string> budget(const TrainedWorld& world, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"calibrate",        world.trained(),    "--data", world.data(), "-o",
                                        world.path("c.h5"), "--exit-functions", "no",     "--quiet",    "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_CASE("a threshold found for a budget is what eval then uses, and gives what was told") {
  const TrainedWorld world;
  const Finished run = cascadecl_run(
      budget(world, {"--target-mac", "1.2", "--policy", "margin", "--combine", "fitted", "--test", "test"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json decision = run.json()["decision"];
  CHECK(decision["policy"] == "margin");
  CHECK(decision["target"]["value"] == 1.2);
  CHECK(decision["validation"]["cost"] <= 1.2);
  const Finished eval = cascadecl_run({"eval", world.path("c.h5"), "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["policy"]["name"] == "margin");
  CHECK(eval.json()["policy"]["combine"] == "fitted");
  CHECK(eval.json()["policy"]["parameter"] == decision["parameter"]);
  CHECK(eval.json()["mac_fraction"].get<double>() == doctest::Approx(decision["test"]["mac_fraction"].get<double>()));
  const Finished own =
      cascadecl_run({"eval", world.path("c.h5"), "--data", world.data(), "--json", "--policy", "learned"});
  CHECK(own.json()["policy"]["name"] == "learned");
  CHECK(own.json()["policy"]["combine"] == "fitted");

  for (const char* policy : {"learned", "entropy", "agreement"})
    for (const char* target : {"--target-ms=1000", "--target-drop=50"})
      CHECK(cascadecl_run(budget(world, {target, "--policy", policy})).status == 0);
}

TEST_CASE("program and library answer alike with a model that a budget was met for") {
  const TrainedWorld world;
  for (const char* policy : {"learned", "margin", "entropy"}) {
    CAPTURE(policy);
    REQUIRE(cascadecl_run(budget(world, {"--target-mac", "0.9", "--policy", policy, "--combine", "fitted"})).status ==
            0);
    const std::string predictions = world.path("p.h5");
    REQUIRE(cascadecl_run({"predict", world.path("c.h5"), "--data", world.data(), "-o", predictions}).status == 0);
    const Model model = read_model(world.path("c.h5"));
    const Device device = open_device("auto");
    const auto dataset = open_dataset(world.data(), "test");
    std::vector<std::uint8_t> images(static_cast<std::size_t>(dataset->size() * dataset->header().dims.bytes()));
    dataset->read(all_indices(dataset->size()), images.data());
    const CascadeResult result = CascadeExecutor(model, {device, device}, {}).classify(images);

    const Hdf5Reader file(predictions);
    CHECK(file.string_attribute("/", "stop") == to_string(model.decision.value().policy));
    CHECK(file.string_attribute("/", "combine") == "fitted");
    CHECK(file.read<std::int32_t>("/exit_stage", {30}) ==
          std::vector<std::int32_t>(result.exit_stage.begin(), result.exit_stage.end()));
    CHECK(file.read<float>("/answer", {30, 10}) == result.answer);
    CHECK(std::ranges::count(result.exit_stage, 0) > 0);

    Classifier classifier(world.path("c.h5"));
    CHECK(classifier.policy() == to_string(model.decision.value().policy));
    const std::vector<Classification> answers = classifier.classify(images);
    REQUIRE(answers.size() == 30);
    for (std::size_t i = 0; i < 30; ++i) {
      CHECK(answers[i].exit_stage == result.exit_stage[i]);
      CHECK(answers[i].label == result.label(static_cast<std::int64_t>(i)));
    }
  }
}

TEST_CASE("budgets that cannot be met, measured or understood are errors that say why") {
  const TrainedWorld world;
  const Finished small = cascadecl_run(budget(world, {"--target-mac", "0.001"}));
  CHECK(error_fault(small, 1, "nearest") == "");
  CHECK(error_fault(cascadecl_run(budget(world, {"--target-drop", "-100"})), 1, "nearest") == "");
  CHECK_FALSE(std::filesystem::exists(world.path("c.h5")));
  CHECK(error_fault(cascadecl_run(budget(world, {"--target-mac", "1", "--target-ms", "1"})), 2, "target") == "");
  CHECK(error_fault(cascadecl_run(budget(world, {"--policy", "margin"})), 2, "--target") == "");
  CHECK(error_fault(cascadecl_run(budget(world, {"--target-mac", "1", "--policy", "oracle"})), 2, "oracle") == "");
  CHECK(error_fault(cascadecl_run(budget(world, {"--target-mj", "100", "--sys-root", world.path("no-sys")})), 5,
                    "energy: powercap (" + world.path("no-sys")) == "");
  CHECK(error_fault(
            cascadecl_run({"calibrate", world.trained(), "--data", world.data() + ":test", "-o", world.path("c.h5")}),
            2, "test") == "");
}

}  // namespace
}  // namespace cascadecl::testing
