#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/network/inference_plan.h"
#include "runtime/tuning/tuning.h"

namespace cascadecl {

// A kernel built with one set of tunables, or its reference, with the data it runs on: all the uses that a tuning key
// has in some networks.
class Trial {
 public:
  virtual ~Trial() = default;
  // Enqueues every use for the first n images.
  virtual void run(int n) = 0;
  // What the last run of n images wrote, a list for each array.
  virtual std::vector<std::vector<float>> results(int n) = 0;
};

// One key to tune.
struct TuningJob {
  TuningKey key;
  std::string layers;                    // where it occurs: "resnet-20 block1/unit1/conv1, ..."
  std::vector<TuningValues> candidates;  // what runs without the user's own tuning first
  int images = 1;                        // of a timed run
  int checked_images = 1;                // of the run that is held against the reference
  // Builds for a device, with the values that its tuning has for the key.
  std::function<std::unique_ptr<Trial>(const Device& device, KernelClass kernels)> make;
};

struct TuningResult {
  TuningKey key;
  std::string layers;
  TuningValues default_values;
  TuningEntry best;
  std::size_t candidates = 0, tried = 0;
  std::vector<std::string> rejected;  // candidates that were wrong or did not build, and why
  bool known = false;                 // from an earlier run; nothing was tried
  double speedup() const { return best.ms && best.default_ms ? *best.default_ms / *best.ms : 1.0; }
};

struct TunerSettings {
  double seconds = 600;  // for the whole run; a job that has begun takes at least the time of building its default
  bool again = false;    // also what `known` has completely
  // Told of each job, before it with tried = 0 and while it runs. May be empty.
  std::function<void(std::size_t job, const TuningResult& so_far)> progress;
  // Told the result of each finished job, to keep it: a run that is killed loses one job.
  std::function<void(const TuningResult&)> finished;
};

// For each job, builds its candidates, rejects those whose results differ from the reference kernel's, times the rest
// in turns with the best so far, so that a noisy machine hurts all alike, and keeps the fastest. Jobs that time does
// not reach have no result. A candidate that fails to build or to run is rejected.
std::vector<TuningResult> tune(const Device& device, const std::vector<TuningJob>& jobs, const TuningTable& known,
                               const TunerSettings& settings);

// The largest difference between two lists of arrays, each relative to the largest value of its expected array.
// Infinity where sizes differ or a value is no number.
double relative_difference(const std::vector<std::vector<float>>& expected,
                           const std::vector<std::vector<float>>& actual);

}  // namespace cascadecl
