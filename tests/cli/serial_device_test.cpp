#include <doctest/doctest.h>

#include <cstdlib>
#include <optional>

#include "data/files/hdf5_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

// PoCL's two devices for one processor: both are shown, and single images of small networks run on the serial one.
namespace cascadecl::testing {
namespace {

const std::vector<std::string> threads_only = {"POCL_DEVICES=pthread"}, serial_only = {"POCL_DEVICES=basic"};

struct Processor {
  std::string threads, serial;
};

// The names of both; nothing, and a line that says so, where the first platform is not PoCL's or POCL_DEVICES is set.
std::optional<Processor> processor() {
  if (std::getenv("POCL_DEVICES")) {
    MESSAGE("skipped: POCL_DEVICES is set");
    return std::nullopt;
  }
  const Finished run = cascadecl_run({"devices", "--json"});
  REQUIRE(run.status == 0);
  const nlohmann::json devices = run.json()["devices"];
  if (devices.empty() || devices[0]["platform"] != "Portable Computing Language") {
    MESSAGE("skipped: the first device is not PoCL's");
    return std::nullopt;
  }
  REQUIRE(devices.size() >= 2);
  CHECK(devices[0]["serial"] == false);
  CHECK(devices[1]["serial"] == true);
  CHECK(run.json()["auto"] == 0);
  return Processor{devices[0]["name"], devices[1]["name"]};
}

std::vector<std::string> bench(const std::string& spec, const std::string& batch, const std::string& mode) {
  return {"bench", "--network", "resnet-8", "--input",   "3x8x8", "--batch", batch,      "--mode",
          mode,    "--device",  spec,       "--seconds", "0",     "--json",  "--explain"};
}

std::string device_of_bench(const std::string& spec, const std::string& batch, const std::string& mode) {
  const Finished run = cascadecl_run(bench(spec, batch, mode));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return run.json()["device"];
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

TEST_CASE("a single image of a small network runs on the serial device, and a line and --explain say why") {
  const auto both = processor();
  if (!both) return;
  for (const char* spec : {"cpu", "auto"}) {
    const Finished run = cascadecl_run(bench(spec, "1", "infer"));
    REQUIRE(run.status == 0);
    CHECK(run.json()["device"] == both->serial);
    const std::string reason = run.json()["device_reason"];
    CHECK(reason.find("resnet-8 takes") != std::string::npos);
    CHECK(run.err == both->serial + " runs: " + reason + "\n");
  }
}

TEST_CASE("batches, training and a device that is named run on the device asked for") {
  const auto both = processor();
  if (!both) return;
  CHECK(device_of_bench("cpu", "2", "infer") == both->threads);
  CHECK(device_of_bench("cpu", "1", "train") == both->threads);
  CHECK(device_of_bench("cpu:0", "1", "infer") == both->threads);
  CHECK(device_of_bench("ocl:0.0", "1", "infer") == both->threads);
  CHECK(device_of_bench("cpu:1", "2", "infer") == both->serial);
}

TEST_CASE("answers for single images do not depend on which device runs") {
  if (!processor()) return;
  const SmallWorld world;
  const std::vector<float> expected = answers(world, threads_only);
  CHECK(answers(world, serial_only) == expected);
  CHECK(answers(world, {}) == expected);
}

TEST_CASE("a placement on all devices takes each processor once") {
  const auto both = processor();
  if (!both) return;
  const SmallWorld world;
  const Finished run = cascadecl_run({"placement", "explain", world.model(), "--data", world.data(), "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.out.find(both->serial) == std::string::npos);
}

TEST_CASE("the environment can name the device that runs single images") {
  const auto both = processor();
  if (!both) return;
  const Finished run = cascadecl_run(bench("cpu", "1", "infer"), threads_only);
  REQUIRE(run.status == 0);
  CHECK(run.json()["device"] == both->threads);
  CHECK(run.json()["device_reason"].is_null());
  CHECK(run.err.empty());
}

}  // namespace
}  // namespace cascadecl::testing
