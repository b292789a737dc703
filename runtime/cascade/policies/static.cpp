#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The same stage for all images.
class StaticScore : public StoppingScore {
  double of(const Visit& visit) const override { return static_cast<double>(visit.stage); }
};

}  // namespace

std::unique_ptr<StoppingScore> make_static_score() { return std::make_unique<StaticScore>(); }

}  // namespace cascadecl
