#pragma once
#include <functional>
#include <string>
#include <vector>

#include "runtime/ops/trials/trial.h"
#include "runtime/tuning/tuning.h"

namespace cascadecl {

// One key to tune.
struct TuningJob {
  TuningKey key;
  std::string layers;                    // where it occurs first: "resnet-20 block1/unit1/conv1"
  std::vector<TuningValues> candidates;  // what runs without the user's own tuning first
  int images = 1;                        // of a timed run
  int checked_images = 1;                // of the run that is held against the reference
  int max_batch = 1;
  double work = 0;              // multiply-adds, or values touched, of a timed run
  std::vector<MakeTrial> uses;  // all uses of the key in the networks
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
  // For the whole run. It is divided among the candidates that are left. A job that has begun takes at least the time
  // of building its default.
  double seconds = 600;
  bool again = false;  // also measure keys that `known` has completely
  // Called for each job before it begins, with tried = 0, and while it runs. May be empty.
  std::function<void(std::size_t job, const TuningResult& so_far)> progress;
  // Receives the result of each job when its share of the time ends, to keep it. So a run that is killed loses one
  // result.
  std::function<void(const TuningResult&)> finished;
};

// Finds the fastest valid parameters for each job:
//   1. It builds the candidates, next those that differ least from the best so far. One that fails to build or to run
//      is rejected.
//   2. It rejects those whose results differ from the reference's.
//   3. It times the rest in turns with the best so far, so that a noisy machine hurts all alike, and keeps the fastest.
// Each job first gets its share of the time, the last jobs first; the rest goes round again. Jobs that time does not
// reach have no result.
std::vector<TuningResult> tune(const Device& device, const std::vector<TuningJob>& jobs, const TuningTable& known,
                               const TunerSettings& settings);

// The largest difference between two lists of arrays, each relative to the largest value of its expected array.
// Infinity where sizes differ or a value is no number.
double relative_difference(const std::vector<std::vector<float>>& expected,
                           const std::vector<std::vector<float>>& actual);

}  // namespace cascadecl
