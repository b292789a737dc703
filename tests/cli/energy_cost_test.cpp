#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <regex>

#include "cli/open_device.h"
#include "data/dataset_file.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/runs/stage_costs.h"
#include "tests/cli/process.h"
#include "tests/cli/trained_world.h"
#include "tests/support/fake_sys.h"

// Costs in millijoules on a machine that spends a millijoule on each launch of a kernel, and none else: the layer of
// tests/opencl_layer/meter.cpp, behind which CMake runs these tests. What a stage costs is then known to the last
// launch, and however long it takes.
namespace cascadecl::testing {
namespace {

constexpr double exact = 1e-9;  // relative: counts of launches divided by images, in another order

// A run of the program on a machine of its own, so that several may run at once.
class MeteredProcess {
 public:
  explicit MeteredProcess(std::vector<std::string> arguments) {
    sys_.add_zone("intel-rapl:0", "package-0", 0);
    arguments.insert(arguments.end(), {"--json", "--quiet", "--sys-root", sys_.environment().sys_root.string(),
                                       "--nvml-library", "none.so"});
    process_ = std::make_unique<Process>(
        arguments, "", std::vector{"OPENCL_METER=launch=1000, file=" + sys_.file("intel-rapl:0").string()});
  }
  Finished wait() { return process_->wait(); }
  nlohmann::json json() {
    const Finished run = wait();
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    return run.json();
  }

 private:
  FakeSys sys_;
  std::unique_ptr<Process> process_;
};

double launched_mj() {
  double energy_uj = -1;
  std::ifstream(METER_FILE) >> energy_uj;
  REQUIRE(energy_uj >= 0);
  return energy_uj / 1e3;
}

// What an image costs in each stage alone, by the launches of one run on all images of a split.
std::vector<double> stage_mj(const std::string& model_file, const std::string& data, const std::string& split,
                             int batch) {
  const Model model = read_model(model_file);
  const auto dataset = open_dataset(data, split);
  const std::vector<std::uint8_t> images = first_images(*dataset, dataset->size());
  const Device device(select_device("auto", list_devices()), device_settings());
  std::vector<double> costs;
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    CascadeExecutor alone = stage_alone(model, k, device, {.max_batch = batch});
    const double before = launched_mj();
    alone.classify(images);
    costs.push_back((launched_mj() - before) / static_cast<double>(dataset->size()));
  }
  return costs;
}

// The mean cost of images that left so; stopped [2].
double mean_mj(const std::vector<double>& stages, const nlohmann::json& stopped) {
  const double first = stopped[0].get<double>(), second = stopped[1].get<double>();
  return stages[0] + stages[1] * second / (first + second);
}

TEST_CASE("train prices stages by the energy that they take, and finds the threshold for a budget of it") {
  const TrainedWorld world;
  const int batch = 8;
  const std::vector<double> stages = stage_mj(world.trained(), world.data(), "train", batch);
  REQUIRE(stages.size() == 2);
  REQUIRE(stages[0] > 0);
  REQUIRE(stages[1] > stages[0]);  // resnet-14 has more layers
  const double target = stages[0] + stages[1] / 2;
  const nlohmann::json result = MeteredProcess({"train",
                                                "--data",
                                                world.data(),
                                                "--stages",
                                                "resnet-8,resnet-14",
                                                "-o",
                                                world.path("m.h5"),
                                                "--batch-size",
                                                std::to_string(batch),
                                                "--validation-share",
                                                "0.25",
                                                "--epochs",
                                                "1",
                                                "--phases",
                                                "pretrain,policy",
                                                "--policy-epochs",
                                                "1",
                                                "--cost",
                                                "mj",
                                                "--target-mj",
                                                std::to_string(target)})
                                    .json();
  const nlohmann::json costs = result["training"]["relative_costs"];
  CHECK(costs[0].get<double>() == doctest::Approx(stages[0] / stages[1]).epsilon(exact));
  CHECK(costs[1] == 1.0);
  const Model model = read_model(world.path("m.h5"));
  CHECK(nlohmann::json::parse(model.training)["relative_costs"] == costs);
  const nlohmann::json validation = result["decision"]["validation"];
  CHECK(validation["cost"].get<double>() <= target);
  CHECK(validation["cost"].get<double>() == doctest::Approx(mean_mj(stages, validation["stopped"])).epsilon(exact));
}

TEST_CASE("calibrate keeps to a budget of energy, and tells the nearest to one that is out of reach") {
  const TrainedWorld world;
  const std::vector<double> stages = stage_mj(world.trained(), world.data(), "train", 128);
  const double target = stages[0] + stages[1] / 2;
  const auto calibrate = [&](const std::string& output, const std::string& target_mj) {
    return MeteredProcess({"calibrate", world.trained(), "--data", world.data(), "-o", output, "--exit-functions", "no",
                           "--policy", "margin", "--test", "test", "--target-mj", target_mj});
  };
  MeteredProcess within = calibrate(world.path("within.h5"), std::to_string(target));
  MeteredProcess beyond = calibrate(world.path("beyond.h5"), std::to_string(stages[0] / 2));

  const nlohmann::json decision = within.json()["decision"];
  CHECK(decision["target"]["flag"] == "target-mj");
  CHECK(decision["target"]["unit"] == "mJ an image");
  CHECK(decision["validation"]["cost"].get<double>() <= target);
  for (const char* images : {"validation", "test"})
    CHECK(decision[images]["cost"].get<double>() ==
          doctest::Approx(mean_mj(stages, decision[images]["stopped"])).epsilon(exact));
  const Finished eval = cascadecl_run({"eval", world.path("within.h5"), "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  for (std::size_t k = 0; k < 2; ++k) CHECK(eval.json()["stages"][k]["stopped"] == decision["test"]["stopped"][k]);

  const Finished refused = beyond.wait();
  CHECK(error_fault(refused, 1, "cannot be reached; the nearest is ") == "");
  CHECK_FALSE(std::filesystem::exists(world.path("beyond.h5")));
  std::smatch nearest;
  REQUIRE(std::regex_search(refused.err, nearest, std::regex("nearest is ([0-9.e+-]+)")));
  CHECK(std::stod(nearest[1]) == doctest::Approx(stages[0]).epsilon(1e-5));  // six digits are shown
}

TEST_CASE("sweep tells the energy of each stage and of each point") {
  const TrainedWorld world;
  const std::vector<double> stages = stage_mj(world.trained(), world.data(), "test", 8);
  const nlohmann::json sweep =
      MeteredProcess({"sweep", world.trained(), "--data", world.data(), "-o", world.path("s.json"), "--batch-size", "8",
                      "--policy", "static,confidence", "--thresholds", "5"})
          .json();
  CHECK(sweep["energy_reason"] == "");
  for (std::size_t k = 0; k < 2; ++k)
    CHECK(sweep["stages"][k]["mj_per_image"].get<double>() == doctest::Approx(stages[k]).epsilon(exact));
  std::size_t thresholds = 0;
  for (const nlohmann::json& point : sweep["points"]) {
    const bool alone = point["policy"] == "static";
    thresholds += !alone;
    const double expected = alone ? stages[point["stopped"][0] == 0 ? 1 : 0] : mean_mj(stages, point["stopped"]);
    CHECK(point["mj_per_image"].get<double>() == doctest::Approx(expected).epsilon(exact));
  }
  CHECK(thresholds > 0);
}

}  // namespace
}  // namespace cascadecl::testing
