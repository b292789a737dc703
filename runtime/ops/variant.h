#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/tunables.h"

namespace cascadecl {

// An implementation that could not run, and why.
struct Declined {
  std::string variant, reason;
  bool operator==(const Declined&) const = default;
};
// "winograd: 5x5 kernel, ...; direct: needs ...", empty if none declined.
std::string to_string(const std::vector<Declined>& declined);

// Which implementation an operation runs, why no faster one does, and with which parameters.
struct VariantChoice {
  std::string variant = "plain";        // "winograd", "direct", "strided", "gemm", "reference", ...
  std::string reason = {};              // why the fastest does not run; empty if it does
  std::vector<Declined> declined = {};  // the fastest first
  TuningValues parameters = {};         // what its tunables were set to, empty where it has none
  TuningSource source = TuningSource::heuristic;
};

// The parameters to run with. Writes them to `choice`.
template <class P, class Geometry>
P look_up(const Device& device, const TuningKey& key, const Geometry& geometry, VariantChoice& choice) {
  const Tuned<P> found = tuned<P>(device, key, geometry);
  choice.parameters = values_of(found.parameters);
  choice.source = found.source;
  return found.parameters;
}
template <class P, class Geometry>
P look_up(const Device& device, const Lookup<P, Geometry>& lookup, VariantChoice& choice) {
  return look_up<P>(device, lookup.key, lookup.geometry, choice);
}

}  // namespace cascadecl
