#include <algorithm>

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The largest label probability minus the second largest (Park et al. 2015, Big/Little networks).
class MarginScore : public StoppingScore {
  double of(const Visit& visit) const override {
    float first = 0, second = 0;
    for (const float p : visit.probabilities.back()) {
      second = std::max(second, std::min(first, p));
      first = std::max(first, p);
    }
    return static_cast<double>(first) - static_cast<double>(second);
  }
};

}  // namespace

std::unique_ptr<StoppingScore> make_margin_score() { return std::make_unique<MarginScore>(); }

}  // namespace cascadecl
