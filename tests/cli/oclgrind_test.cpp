#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "data/generated/generate.h"
#include "runtime/cascade/model_file.h"
#include "tests/cli/predictions.h"
#include "tests/cli/process.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_networks.h"

// The program under Oclgrind, as the command `oclgrind --data-races --check-api --log FILE` starts it.
namespace cascadecl::testing {
namespace {

constexpr int kImages = 6;

Network first_stage() {
  NetworkBuilder net({3, 8, 8});
  net.convolution(6, {3, 3, 2, 1});
  net.batch_norm();
  const std::string stem = net.relu();
  net.add(net.convolution(6), stem);
  net.relu();
  return net.finish(10);
}

// A dataset, and a cascade of two small stages whose policy sees probabilities and features.
struct TinyWorld {
  TinyWorld() {
    generate_dataset({.train_images = 1, .test_images = kImages, .size = 8}, data());
    write_model(model(), random_model({first_stage(), small_resnet({3, 8, 8}, 10)}, 3, PolicyInput::features));
  }
  std::string data() const { return path("data.h5"); }
  std::string model() const { return path("model.h5"); }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  TemporaryFolder folder;
};

// The predictions of a run that Oclgrind has nothing to say about.
StagePredictions watched(const TinyWorld& world, const std::string& kernel_class) {
  CAPTURE(kernel_class);
  const std::string output = world.path(kernel_class + ".h5"), log = world.path(kernel_class + ".log");
  const Finished run =
      cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", output, "--kernel-class", kernel_class,
                     "--policy", "sample", "--batch-size", "4", "--json", "--trace", world.path("trace.json")},
                    {std::string("LD_PRELOAD=") + OCLGRIND_LIBRARY, "OCLGRIND_DATA_RACES=1", "OCLGRIND_CHECK_API=1",
                     "OCLGRIND_LOG=" + log, "XDG_CACHE_HOME=" + world.path("cache")});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.json()["device"] == "Oclgrind Simulator");
  for (const auto& stopped : run.json()["stopped"]) CHECK(stopped > 0);
  REQUIRE(std::filesystem::exists(log));
  CHECK(read_text(log) == "");
  return {output, 2, kImages};
}

TEST_CASE("a whole cascade gives Oclgrind nothing to report, with the kernels of CPUs and of GPUs") {
  const TinyWorld world;
  const StagePredictions cpu = watched(world, "cpu"), gpu = watched(world, "gpu");
  CHECK(cpu.exits == gpu.exits);
  CHECK(largest_difference(cpu, gpu) < 1e-4);
}

}  // namespace
}  // namespace cascadecl::testing
