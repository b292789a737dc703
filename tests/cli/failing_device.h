#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "data/files/hdf5_file.h"
#include "tests/cli/layers.h"
#include "tests/cli/process.h"
#include "tests/cli/two_devices.h"

// A cascade over two devices of which the second, called "Second", may fail by a layer of the OpenCL loader that lets
// chosen calls fail (tests/opencl_layer/faults.h). $CASCADECL_EVERY_CALL has each call fail in turn, not some of them.
namespace cascadecl::testing {

// What a run of predict left.
struct Outcome {
  Finished run;
  bool written = false;
  std::vector<int> exits;
  std::vector<float> answers;
};

class TwoDevices : public ThreeStages {
 public:
  TwoDevices() : ThreeStages(8) {}

  static std::vector<std::string> environment(const std::string& faults) {
    std::vector<std::string> variables = faulty("device=0.1, " + faults, two_basic_devices);
    variables.insert(variables.begin(),
                     {"OPENCL_LAYERS=" PRESENT_LAYER ":" FAULTS_LAYER, "OPENCL_PRESENT=0.1 name=Second"});
    return variables;
  }

  // predict, while it runs. The second device has the second stage and the third.
  class Prediction {
   public:
    // name: of its output, another for each of those that run at once.
    Prediction(const TwoDevices& world, const std::string& faults, const std::vector<std::string>& flags,
               const std::string& name = "o.h5")
        : output_(world.path(name)), process_(arguments(world, output_, flags), {}, environment(faults)) {}
    Outcome end() {
      Outcome outcome{.run = process_.wait()};
      outcome.written = std::filesystem::exists(output_);
      if (!outcome.written) return outcome;
      {
        const Hdf5Reader file(output_);
        outcome.exits = file.read<int>("/exit_stage", {images});
        outcome.answers = file.read<float>("/answer", {images, 10});
      }
      std::filesystem::remove(output_);
      return outcome;
    }

   private:
    static std::vector<std::string> arguments(const TwoDevices& world, const std::string& output,
                                              const std::vector<std::string>& flags) {
      std::vector<std::string> words = {"predict",  world.model(),       "--data", world.data(),   "-o",
                                        output,     "--policy",          "sample", "--batch-size", "4",
                                        "--device", "cpu:0,cpu:1,cpu:1", "--json"};
      words.insert(words.end(), flags.begin(), flags.end());
      return words;
    }
    std::string output_;
    Process process_;
  };

  Outcome predict(const std::string& faults, const std::vector<std::string>& flags) const {
    return Prediction(*this, faults, flags).end();
  }

  // The names of the second device's calls in a run without a fault, in order. Its programs are cached then.
  std::vector<std::string> calls() const {
    const std::string log = path("calls");
    REQUIRE(predict("log=" + log, {}).run.status == 0);
    REQUIRE(predict("log=" + log, {}).run.status == 0);
    return logged_calls(log);
  }
};

// The first call after the last kernel and buffer were made, counted from 1: what a device does with images.
inline std::size_t first_of_running(const std::vector<std::string>& calls) {
  const auto makes = [](const std::string& name) { return name.starts_with("clCreate"); };
  const auto last = std::find_if(calls.rbegin(), calls.rend(), makes);
  return static_cast<std::size_t>(calls.rend() - last) + 1;
}

}  // namespace cascadecl::testing
