#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

using nlohmann::json;

// While it lives the program believes that devices have no more memory than this.
class MemoryLimit {
 public:
  explicit MemoryLimit(const std::string& bytes) { ::setenv("CASCADECL_MEMORY_LIMIT", bytes.c_str(), 1); }
  ~MemoryLimit() { ::unsetenv("CASCADECL_MEMORY_LIMIT"); }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
};

json stage_memory(const std::string& batch, const std::string& use) {
  const Finished run = cascadecl_run(
      {"info", "--stages", "resnet-8", "--input", "3x8x8", "--device", "auto", "--batch-size", batch, "--json"});
  REQUIRE(run.status == 0);
  return run.json()["stages"][0]["plan"]["memory"][use];
}

std::vector<std::string> train(const SmallWorld& world, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {
      "train",    "--data",   world.data(), "--stages", "resnet-8", "-o", world.path("out.h5"),
      "--phases", "pretrain", "--epochs",   "1",        "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("info tells the memory of inference and training, also of what does not fit") {
  for (const char* use : {"inference", "training"}) {
    const json memory = stage_memory("16", use);
    std::size_t sum = 0;
    for (const char* part :
         {"activation_bytes", "gradient_bytes", "weight_bytes", "transformed_bytes", "scratch_bytes"})
      sum += memory[part].get<std::size_t>();
    CHECK(memory["peak_bytes"] == sum);
    CHECK(memory["fits"] == true);
  }
  const MemoryLimit limit("1000000");
  CHECK(stage_memory("65536", "training")["fits"] == false);
}

TEST_CASE("eval and predict run the largest batch that fits, and say so") {
  const SmallWorld world;
  const std::string data = world.data(), model = world.model();
  const json whole = cascadecl_run({"eval", model, "--data", data, "--json"}).json();
  const MemoryLimit limit("6300000");
  const std::vector<std::vector<std::string>> commands = {
      {"eval", model, "--data", data, "--json"},
      {"predict", model, "--data", data, "-o", world.path("p.h5"), "--json"}};
  for (const std::vector<std::string>& command : commands) {
    CAPTURE(command.front());
    const Finished run = cascadecl_run(command);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const int batch = run.json()["batch_size"];
    CHECK(batch >= 1);
    CHECK(batch < 128);
    CHECK(contains(run.err, "batches of " + std::to_string(batch) + " are run"));
    if (command.front() == "eval") CHECK(run.json()["top1"] == whole["top1"]);
  }
}

TEST_CASE("profile, which keeps the cascade and its parts in memory together, runs the largest batch that fits") {
  const SmallWorld world;
  const std::vector<std::string> arguments = {"profile", world.model(),  "--data", world.data(), "--runs",
                                              "1",       "--batch-size", "128",    "--json"};
  const MemoryLimit limit("20000000");
  const Finished run = cascadecl_run(arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const int batch = run.json()["batch_size"];
  CHECK(batch >= 1);
  CHECK(batch < 128);
  CHECK(contains(run.err, "batches of " + std::to_string(batch) + " are run"));
}

TEST_CASE("train splits a batch that does not fit, says so, and refuses a micro-batch that does not") {
  const SmallWorld world;
  const std::size_t one = stage_memory("1", "training")["peak_bytes"],
                    two = stage_memory("2", "training")["peak_bytes"];
  const auto sum = static_cast<std::size_t>(4 * 78000);  // of gradients: as many as resnet-8 has parameters
  const MemoryLimit limit(std::to_string(one + sum + 20 * (two - one)));
  for (const char* batch : {"64", "128"}) {
    const Finished run = cascadecl_run(train(world, {"--batch-size", batch}));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const json settings = run.json()["training"]["settings"];
    CHECK(settings["batch_size"] == std::stoi(batch));
    const int micro = settings["micro_batch"];
    CHECK(micro > 10);
    CHECK(micro < 22);
    CHECK(contains(run.err, "micro-batches of " + std::to_string(micro)));
    const Finished refused = cascadecl_run(train(world, {"--batch-size", batch, "--micro-batch", "50"}));
    CHECK(error_fault(refused, 1, "the largest batch that fits is " + std::to_string(micro)) == "");
  }
}

TEST_CASE("train counts the memory of a teacher") {
  const SmallWorld world;
  const std::string teacher = world.path("teacher.h5");
  REQUIRE(cascadecl_run({"train", "--data", world.data(), "--stages", "resnet-8", "-o", teacher, "--phases", "pretrain",
                         "--epochs", "1", "--quiet"})
              .status == 0);
  const std::size_t one = stage_memory("1", "training")["peak_bytes"],
                    two = stage_memory("2", "training")["peak_bytes"];
  const MemoryLimit limit(std::to_string(one + 100 * (two - one)));  // of which the teacher takes most
  const auto micro_batch = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--batch-size", "128"});
    const Finished run = cascadecl_run(train(world, more));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    return run.json()["training"]["settings"]["micro_batch"].get<int>();
  };
  CHECK(micro_batch({"--teacher", teacher}) < micro_batch({}));
}

TEST_CASE("a memory limit that is no number is refused") {
  const MemoryLimit limit("4G");
  CHECK(error_fault(cascadecl_run({"devices"}), 2, "CASCADECL_MEMORY_LIMIT") == "");
}

}  // namespace cascadecl::testing
