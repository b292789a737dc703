#include <algorithm>

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The largest label probability (Wang et al. 2018, IDK cascades, and many before).
class ConfidenceScore : public StoppingScore {
  double of(const Visit& visit) const override {
    return static_cast<double>(std::ranges::max(visit.probabilities.back()));
  }
};

}  // namespace

std::unique_ptr<StoppingScore> make_confidence_score() { return std::make_unique<ConfidenceScore>(); }

}  // namespace cascadecl
