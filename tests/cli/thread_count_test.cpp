#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <map>

#include "data/files/hdf5_file.h"
#include "data/generated/generate.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/zoo.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/random_model.h"

// Training and inference give the same bits however many threads the device has: seen from outside, through PoCL, which
// takes their number from the environment. With 8, an image is split over several of them; with one or two it is not.
namespace cascadecl::testing {
namespace {

constexpr int kThreads[] = {1, 2, 8};

std::vector<std::string> with_threads(int threads) {
  return {"POCL_DEVICES=pthread", "POCL_MAX_PTHREAD_COUNT=" + std::to_string(threads)};
}

// Whether the device of these tests has as many threads as it is told; says so if the test is skipped.
bool threads_can_be_set() {
  for (const int threads : kThreads) {
    const Finished run = cascadecl_run({"devices", "--json"}, with_threads(threads));
    REQUIRE(run.status == 0);
    const nlohmann::json devices = run.json(), device = devices["devices"][devices["auto"].get<std::size_t>()];
    if (device["platform"] != "Portable Computing Language") {
      MESSAGE("skipped: the device is not PoCL but of ", device["platform"].get<std::string>());
      return false;
    }
    REQUIRE(device["compute_units"] == threads);
  }
  return true;
}

using Bits = std::map<std::string, std::vector<std::uint32_t>>;

// Of NaNs too, which mark the stages that an image has not seen.
template <typename T>
std::vector<std::uint32_t> bits(const std::vector<T>& values) {
  std::vector<std::uint32_t> words;
  for (const T value : values) words.push_back(std::bit_cast<std::uint32_t>(value));
  return words;
}

Bits model_bits(const std::string& path) {
  const Model model = read_model(path);
  Bits found;
  for (std::size_t i = 0; i < model.stages.size(); ++i) {
    for (const auto& [name, values] : model.stages[i].parameters) {
      found["stage " + std::to_string(i) + " " + name] = bits(values);
    }
  }
  for (std::size_t i = 0; i < model.policies.size(); ++i) {
    for (const PolicyArray& array : policy_arrays(model.policies[i])) {
      found["policy " + std::to_string(i) + " " + std::string(array.name)] = bits(*array.values);
    }
  }
  return found;
}

Bits prediction_bits(const std::string& path) {
  const Hdf5Reader file(path);
  return {{"probabilities", bits(file.read<float>("/probabilities", {any_size, any_size, any_size}))},
          {"stop_probability", bits(file.read<float>("/stop_probability", {any_size, any_size}))},
          {"exit_stage", bits(file.read<std::int32_t>("/exit_stage", {any_size}))},
          {"answer", bits(file.read<float>("/answer", {any_size, any_size}))}};
}

// The names of the arrays that differ or that only one of the two has.
std::vector<std::string> differing(const Bits& a, const Bits& b) {
  std::vector<std::string> names;
  for (const auto& [name, values] : a) {
    const auto found = b.find(name);
    if (found == b.end() || found->second != values) names.push_back(name);
  }
  for (const auto& [name, values] : b) {
    if (!a.contains(name)) names.push_back(name);
  }
  return names;
}

Bits trained(const SmallWorld& world, int threads) {
  const std::string model = world.path("trained.h5");
  const Finished run = cascadecl_run(
      {"train", "--data", world.data(), "--stages", "resnet-8,resnet-14", "-o", model, "--batch-size", "8",
       "--validation-share", "0.25", "--epochs", "1", "--policy-epochs", "1", "--joint-epochs", "1", "--quiet"},
      with_threads(threads));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return model_bits(model);
}

// At 0.5 all images of a random model leave at one stage; drawn, at both.
Bits predicted(const SmallWorld& world, const std::string& batch, int threads) {
  const std::string output = world.path("predictions.h5");
  const Finished run = cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", output, "--policy",
                                      "sample", "--batch-size", batch, "--quiet"},
                                     with_threads(threads));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return prediction_bits(output);
}

// What eval counts, without what it measures.
nlohmann::json evaluated(const SmallWorld& world, int threads) {
  const Finished run = cascadecl_run({"eval", world.model(), "--data", world.data(), "--policy", "sample", "--json"},
                                     with_threads(threads));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json all = run.json();
  nlohmann::json counts = {all["top1"], all["top5"], all["mmac_per_image"]};
  for (const nlohmann::json& stage : all["stages"]) {
    counts.push_back({stage["entered"], stage["stopped"], stage["top1_of_stopped"]});
  }
  return counts;
}

TEST_CASE("a cascade trained with another number of threads is the same bit by bit") {
  if (!threads_can_be_set()) return;
  const SmallWorld world;
  const Bits expected = trained(world, kThreads[0]);
  for (const int threads : {kThreads[1], kThreads[2]}) {
    CAPTURE(threads);
    CHECK(differing(trained(world, threads), expected) == std::vector<std::string>{});
  }
}

TEST_CASE("predictions and accuracy do not depend on the number of threads") {
  if (!threads_can_be_set()) return;
  const SmallWorld world;
  // Images of several strips of tiles, so that there is something to split.
  generate_dataset({.train_images = 1, .test_images = 20, .size = 16}, world.data());
  write_model(world.model(),
              random_model({make_network("resnet-8", {3, 16, 16}, 10), make_network("resnet-14", {3, 16, 16}, 10)}, 3));
  const nlohmann::json counts = evaluated(world, kThreads[0]);
  for (const char* batch : {"1", "2", "32"}) {
    const Bits expected = predicted(world, batch, kThreads[0]);
    for (const int threads : {kThreads[1], kThreads[2]}) {
      CAPTURE(batch);
      CAPTURE(threads);
      CHECK(differing(predicted(world, batch, threads), expected) == std::vector<std::string>{});
    }
  }
  for (const int threads : {kThreads[1], kThreads[2]}) CHECK(evaluated(world, threads) == counts);
}

}  // namespace
}  // namespace cascadecl::testing
