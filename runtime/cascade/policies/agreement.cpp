#include <algorithm>

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// How many stages right before this one gave the same answer (Zhou et al. 2020, patience).
class AgreementScore : public StoppingScore {
  static std::ptrdiff_t answer(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }
  double of(const Visit& visit) const override {
    const auto& rows = visit.probabilities;
    int agreeing = 0;
    for (std::size_t t = rows.size() - 1; t > 0 && answer(rows[t - 1]) == answer(rows.back()); --t) ++agreeing;
    return agreeing;
  }
};

}  // namespace

std::unique_ptr<StoppingScore> make_agreement_score() { return std::make_unique<AgreementScore>(); }

}  // namespace cascadecl
