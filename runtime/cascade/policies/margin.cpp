#include <algorithm>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// The largest label probability minus the second largest (Park et al. 2015, Big/Little networks).
class MarginPolicy : public StoppingPolicy {
  double score(const Visit& visit) const override {
    float first = 0, second = 0;
    for (const float p : visit.probabilities.back()) {
      second = std::max(second, std::min(first, p));
      first = std::max(first, p);
    }
    return static_cast<double>(first) - static_cast<double>(second);
  }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_margin_policy() { return std::make_unique<MarginPolicy>(); }

}  // namespace cascadecl
