#pragma once
#include <span>

#include "data/files/error.h"
#include "runtime/ops/conv_implementation.h"
#include "runtime/ops/launch.h"

namespace cascadecl::conv {

// All implementations of a direction, the faster ones first and the reference kernels last. Of those that belong to the
// kernel class of a device, the first that does not decline a problem runs.
template <class Direction>
std::span<const Implementation<Direction>> implementations();

template <>
std::span<const Implementation<Forward>> implementations<Forward>();
template <>
std::span<const Implementation<BackwardData>> implementations<BackwardData>();
template <>
std::span<const Implementation<BackwardFilter>> implementations<BackwardFilter>();

// The implementation that runs a problem, null if all decline. Writes its name to `choice`, and those that declined
// before it with their reasons.
template <class Direction>
const Implementation<Direction>* choose(const Device& device, const typename Direction::Problem& problem,
                                        KernelClass kernels, VariantChoice& choice) {
  const KernelClass runs = kernel_class(device, kernels);
  choice = {};
  if (runs == KernelClass::reference) choice.reason = "reference kernels were asked for";
  for (const Implementation<Direction>& candidate : implementations<Direction>()) {
    if (!(candidate.classes & set_of(runs))) continue;
    choice.variant = candidate.variant;
    std::string reason = candidate.declines(device, problem);
    if (reason.empty()) return &candidate;
    if (choice.reason.empty()) choice.reason = reason;
    choice.declined.push_back({std::string(candidate.variant), std::move(reason)});
  }
  return nullptr;
}

// Whether some implementation runs the problem.
template <class Direction>
bool can_run(const Device& device, const typename Direction::Problem& problem, KernelClass kernels) {
  VariantChoice unused;
  return choose<Direction>(device, problem, kernels, unused) != nullptr;
}

// The convolution that runs a problem. Throws ShapeError with all reasons if every implementation declines.
template <class Direction>
std::unique_ptr<Convolution<Direction>> make_convolution(const Device& device,
                                                         const typename Direction::Problem& problem,
                                                         KernelClass kernels, BatchClass batch, VariantChoice& choice) {
  const Implementation<Direction>* const runs = choose<Direction>(device, problem, kernels, choice);
  if (!runs) throw ShapeError("convolution: no kernel of the device can run it: " + to_string(choice.declined));
  return runs->make(device, problem, batch, choice);
}

// What the tuner may try for a problem; nothing where the implementation that runs it has no tunables.
template <class Direction>
std::optional<TuningOffer> tuning_offer(const Device& device, const typename Direction::Problem& problem,
                                        KernelClass kernels, BatchClass batch) {
  VariantChoice unused;
  const Implementation<Direction>* const runs = choose<Direction>(device, problem, kernels, unused);
  return runs ? runs->tuning(device, problem, batch) : std::nullopt;
}

}  // namespace cascadecl::conv
