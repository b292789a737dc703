#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// The same stage for all images.
class StaticPolicy : public StoppingPolicy {
  double score(const Visit& visit) const override { return static_cast<double>(visit.stage); }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_static_policy() { return std::make_unique<StaticPolicy>(); }

}  // namespace cascadecl
