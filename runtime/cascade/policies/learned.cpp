#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The stop probability that the model computed on the device, a float: so is its limit.
class LearnedScore : public StoppingScore {
  double of(const Visit& visit) const override { return visit.stop_probability; }
  double limit_of(double probability) const override { return static_cast<double>(static_cast<float>(probability)); }
};

}  // namespace

std::unique_ptr<StoppingScore> make_learned_score() { return std::make_unique<LearnedScore>(); }

}  // namespace cascadecl
