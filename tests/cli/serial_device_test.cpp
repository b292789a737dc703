#include <doctest/doctest.h>

#include "data/files/hdf5_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

// Single images on a processor: on PoCL's device with threads or on that without, whichever a trial finds faster.
namespace cascadecl::testing {
namespace {

const std::vector<std::string> threads_only = {"POCL_DEVICES=pthread"}, serial_only = {"POCL_DEVICES=basic"};

bool is_serial(const std::string& device) { return device.starts_with("basic-") || device.starts_with("cpu-minimal-"); }

std::string device_of_bench(const std::string& spec, const std::string& batch, const std::string& mode) {
  const Finished run = cascadecl_run({"bench", "--network", "resnet-8", "--input", "3x8x8", "--batch", batch, "--mode",
                                      mode, "--device", spec, "--seconds", "0", "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const std::string device = run.json()["device"];
  // What runs instead of the device asked for is said.
  CHECK((run.err.find(device + " runs instead of ") != std::string::npos) == is_serial(device));
  return device;
}

std::string usual_device() {
  const Finished run = cascadecl_run({"devices", "--json"});
  REQUIRE(run.status == 0);
  REQUIRE(run.json()["devices"].size() > 0);
  return run.json()["devices"][0]["name"];
}

bool is_pocl() {
  const std::string device = usual_device();
  const bool found = device.starts_with("pthread-") || device.starts_with("cpu-");
  if (!found) MESSAGE("skipped: the device is not PoCL's");
  return found;
}

std::vector<float> answers(const SmallWorld& world, const std::vector<std::string>& environment) {
  const std::string file = world.path("predictions.h5");
  const Finished run = cascadecl_run(
      {"predict", world.model(), "--data", world.data(), "-o", file, "--device", "cpu", "--batch-size", "1"},
      environment);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return Hdf5Reader(file).read<float>("/answer", {any_size, any_size});
}

TEST_CASE("one image runs on either device of the processor, and the result names it") {
  if (!is_pocl()) return;
  const std::string usual = usual_device();
  for (const char* spec : {"cpu", "auto"}) {
    const std::string device = device_of_bench(spec, "1", "infer");
    CAPTURE(device);
    CHECK((device == usual || is_serial(device)));
  }
}

TEST_CASE("all else runs on the device with threads") {
  if (!is_pocl()) return;
  const std::string usual = usual_device();
  CHECK(device_of_bench("cpu", "2", "infer") == usual);
  CHECK(device_of_bench("cpu", "1", "train") == usual);
  CHECK(device_of_bench("cpu:0", "1", "infer") == usual);  // named
  CHECK(device_of_bench("ocl:0.0", "1", "infer") == usual);
}

TEST_CASE("answers for single images do not depend on which device runs") {
  if (!is_pocl()) return;
  const SmallWorld world;
  const std::vector<float> expected = answers(world, threads_only);
  CHECK(answers(world, serial_only) == expected);
  CHECK(answers(world, {}) == expected);
}

TEST_CASE("where a single image does not fit, the device asked for says so, and no trial") {
  if (!is_pocl()) return;
  const std::vector<std::string> bench = {"bench", "--network", "resnet-8", "--batch", "1", "--seconds", "0"};
  const Finished chosen = cascadecl_run(bench, {"CASCADECL_MEMORY_LIMIT=20000"});
  const Finished threads = cascadecl_run(bench, {"CASCADECL_MEMORY_LIMIT=20000", threads_only.front()});
  CHECK(threads.status == 1);
  CHECK(chosen.status == threads.status);
  CHECK(chosen.err == threads.err);
}

TEST_CASE("the environment can name the device that runs single images") {
  if (!is_pocl()) return;
  const Finished run = cascadecl_run({"bench", "--network", "resnet-8", "--input", "3x8x8", "--batch", "1", "--device",
                                      "cpu", "--seconds", "0", "--json"},
                                     threads_only);
  REQUIRE(run.status == 0);
  CHECK(run.json()["device"] == usual_device());
  CHECK(run.err.empty());
}

}  // namespace
}  // namespace cascadecl::testing
