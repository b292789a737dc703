#include <algorithm>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

// How many stages right before this one gave the same answer (Zhou et al. 2020, patience).
class AgreementPolicy : public StoppingPolicy {
  static std::ptrdiff_t answer(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }
  double score(const Visit& visit) const override {
    const auto& rows = visit.probabilities;
    int agreeing = 0;
    for (std::size_t t = rows.size() - 1; t > 0 && answer(rows[t - 1]) == answer(rows.back()); --t) ++agreeing;
    return agreeing;
  }
};

}  // namespace

std::unique_ptr<StoppingPolicy> make_agreement_policy() { return std::make_unique<AgreementPolicy>(); }

}  // namespace cascadecl
