#pragma once
#include <string>

#include "runtime/ops/tunables.h"

namespace cascadecl {

// Which kernel an operation runs, why no faster one does (empty if the fastest does), and with which parameters.
struct VariantChoice {
  std::string variant = "plain";  // "winograd", "direct", "strided", "gemm", "reference", ...
  std::string reason = {};
  TuningValues parameters = {};  // what its tunables were set to, empty where it has none
  TuningSource source = TuningSource::heuristic;
};

// The parameters to run with, and `choice` told of them.
template <class P, class Geometry>
P look_up(const Device& device, const TuningKey& key, const Geometry& geometry, VariantChoice& choice) {
  const Tuned<P> found = tuned<P>(device, key, geometry);
  choice.parameters = values_of(found.parameters);
  choice.source = found.source;
  return found.parameters;
}

}  // namespace cascadecl
