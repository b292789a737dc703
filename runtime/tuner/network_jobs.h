#pragma once
#include <vector>

#include "runtime/network/description.h"
#include "runtime/tuner/tuner.h"

namespace cascadecl {

struct NetworkJobSettings {
  std::vector<int> batches = {128};
  bool infer = true, train = false;
};

// The jobs of all kernels with tunables that these networks run on the device: each key once, those with the most
// multiply-adds first. The first candidate of a job is what runs without the user's own tuning.
std::vector<TuningJob> network_jobs(const Device& device, const std::vector<Network>& networks,
                                    const NetworkJobSettings& settings);

}  // namespace cascadecl
