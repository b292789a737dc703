#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// The stop probability that the model computed on the device.
class LearnedPolicy : public StoppingPolicy {
  double score(const Visit& visit) const override { return visit.stop_probability; }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_learned_policy() { return std::make_unique<LearnedPolicy>(); }

}  // namespace cascadecl
