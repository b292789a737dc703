#include <doctest/doctest.h>
#include <fmt/format.h>

#include <utility>

#include "tests/cli/fixtures.h"
#include "tests/cli/layers.h"
#include "tests/cli/predictions.h"
#include "tests/cli/process.h"

// A call of the only device fails, from its opening on (tests/opencl_layer/faults.h). $CASCADECL_EVERY_CALL has each
// call fail in turn, not some of them, and prints what happened.
namespace cascadecl::testing {
namespace {

constexpr int images = 30;

struct World : SmallWorld {
  std::string output() const { return path("predictions.h5"); }
  Finished predict(const std::vector<std::string>& environment, const std::vector<std::string>& flags = {}) const {
    std::filesystem::remove(output());
    std::vector<std::string> arguments = {"predict",  model(),  "--data",       data(), "-o",    output(),
                                          "--policy", "sample", "--batch-size", "16",   "--json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return cascadecl_run(arguments, environment);
  }
  // A run whose calls go by `plan`, and the names of their functions, in order.
  std::pair<Finished, std::vector<std::string>> predict_logged(const std::string& plan) const {
    Finished run = predict(faulty(plan + "log=" + path("calls")));
    std::vector<std::string> names = logged_calls(path("calls"));
    std::filesystem::remove(path("calls"));
    return {std::move(run), std::move(names)};
  }
  // The calls of a run that nothing happens to, with all programs cached.
  std::vector<std::string> calls() const {
    REQUIRE(predict({}).status == 0);
    return predict_logged("").second;
  }
  StagePredictions predictions() const { return {output(), 2, images}; }
};

// Empty if a run with a fault either did what it does without, or ended as the documentation promises.
std::string outcome_fault(const World& world, Finished run, const std::string& call, const StagePredictions& whole) {
  run.err = without_warnings(run.err);
  if (run.status == 0) {
    const StagePredictions there = world.predictions();
    return there.exits == whole.exits && largest_difference(there, whole) == 0 ? "" : "other predictions";
  }
  if (std::filesystem::exists(world.output())) return "a file is left";
  if (world.folder.entries() != 2) return "more than the dataset and the model is left";
  if (std::string fault = error_fault(run, 1, "device "); !fault.empty()) return fault;
  return error_fault(run, 1, call);
}

TEST_CASE("each call that fails ends the run with one line that names it and the device, or changes nothing") {
  const World world;
  const std::vector<std::string> calls = world.calls();
  const StagePredictions whole = world.predictions();
  REQUIRE(calls.size() > 50);
  const std::vector<std::string> errors = {"CL_DEVICE_NOT_AVAILABLE", "CL_OUT_OF_RESOURCES",
                                           "CL_MEM_OBJECT_ALLOCATION_FAILURE"};
  int failed = 0;
  for (const std::size_t at : some_of_each(calls, 3)) {
    const std::string error =
        calls[at - 1] == "clBuildProgram" ? "CL_BUILD_PROGRAM_FAILURE" : errors[at % errors.size()];
    const std::string plan = fmt::format("at={}, return={}{}, ", at, error, at % 2 ? ", sticky" : "");
    CAPTURE(plan);
    const auto [run, made] = world.predict_logged(plan);
    REQUIRE(made.size() >= at);
    // A program that the driver refuses from the cache is built from source: then that fails, where all calls do.
    const bool rebuilt = made[at - 1] == "clBuildProgram" && at % 2;
    const std::string call = rebuilt ? "clCreateProgramWithSource" : made[at - 1];
    CAPTURE(call);
    failed += run.status != 0;
    CHECK(outcome_fault(world, run, call, whole) == "");
    if (run.status != 0) CHECK(contains(run.err, error));
    if (every_call()) MESSAGE(plan << " " << call << ": " << run.status << " " << run.err);
  }
  CHECK(failed > 10);
}

TEST_CASE("a device that gives NaN ends the run") {
  const World world;
  std::size_t reads = 0;
  for (const std::string& call : world.calls()) reads += call == "clEnqueueReadBuffer";
  REQUIRE(reads > 0);
  for (std::size_t at = 1; at <= reads; ++at) {
    CAPTURE(at);
    const Finished run = world.predict(faulty("calls=read, nan, at=" + std::to_string(at)));
    CHECK(error_fault(run, 1, "gave values that are no probabilities") == "");
    CHECK(!std::filesystem::exists(world.output()));
  }
}

}  // namespace
}  // namespace cascadecl::testing
