#include <algorithm>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// The largest label probability (Wang et al. 2018, IDK cascades, and many before).
class ConfidencePolicy : public StoppingPolicy {
  double score(const Visit& visit) const override {
    return static_cast<double>(std::ranges::max(visit.probabilities.back()));
  }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_confidence_policy() { return std::make_unique<ConfidencePolicy>(); }

}  // namespace cascadecl
