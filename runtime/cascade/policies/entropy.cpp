#include <cmath>

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// Minus the entropy of the label probabilities, in nats (Teerapittayanon et al. 2016, BranchyNet).
class EntropyScore : public StoppingScore {
  double of(const Visit& visit) const override {
    double sum = 0;
    for (const float p : visit.probabilities.back())
      if (p > 0) sum += static_cast<double>(p) * std::log(static_cast<double>(p));
    return sum;
  }
  double limit_of(double entropy) const override { return -entropy; }
  double parameter_of(double limit) const override { return -limit; }
};

}  // namespace

std::unique_ptr<StoppingScore> make_entropy_score() { return std::make_unique<EntropyScore>(); }

}  // namespace cascadecl
