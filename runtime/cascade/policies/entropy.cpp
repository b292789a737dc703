#include <cmath>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// Minus the entropy of the label probabilities, in nats (Teerapittayanon et al. 2016, BranchyNet).
class EntropyPolicy : public StoppingPolicy {
  double score(const Visit& visit) const override {
    double sum = 0;
    for (const float p : visit.probabilities.back())
      if (p > 0) sum += static_cast<double>(p) * std::log(static_cast<double>(p));
    return sum;
  }
  double limit_of(double entropy) const override { return -entropy; }
  double parameter_of(double limit) const override { return -limit; }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_entropy_policy() { return std::make_unique<EntropyPolicy>(); }

}  // namespace cascadecl
