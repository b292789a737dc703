#pragma once
#include <functional>
#include <vector>

#include "runtime/network/inference_plan.h"

namespace cascadecl {

// A network with random weights, for benchmarks. It holds its plan.
struct NetworkWorkload {
  std::function<void()> step;  // enqueues a batch's work; the caller waits for the device
  std::function<std::vector<PlanStep>()> plan_steps;
  std::function<std::vector<double>()> time_plan_steps;  // seconds of each, in a run that waits after each
};

// images [batch][C/b][H][W][b], see random_activation(); the plan is of their precision.
NetworkWorkload inference_work(const Device& device, const Network& network, int batch, const ActivationArray& images);

// Forward with the batch's statistics, cross-entropy, backward and SGD.
NetworkWorkload training_work(const Device& device, const Network& network, int batch, const Array<float>& images);

}  // namespace cascadecl
