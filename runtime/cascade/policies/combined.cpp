#include <utility>

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The score of another policy on the answer that the image would get if it stopped here.
class CombinedScore : public StoppingScore {
 public:
  CombinedScore(std::unique_ptr<StoppingScore> of_answer, const CombinationWeights& combination)
      : of_answer_(std::move(of_answer)), combine_(Combine::fitted, stages_of(combination), combination) {}

  double of(const Visit& visit) const override {
    std::vector<float> answer(visit.probabilities.back().size());
    combine_(visit.probabilities, {}, answer);
    Visit combined = visit;
    combined.probabilities = {answer};
    return of_answer_->of(combined);
  }
  double limit_of(double parameter) const override { return of_answer_->limit_of(parameter); }
  double parameter_of(double limit) const override { return of_answer_->parameter_of(limit); }

 private:
  std::unique_ptr<StoppingScore> of_answer_;
  Combiner combine_;
};

}  // namespace

std::unique_ptr<StoppingScore> make_combined_score(std::unique_ptr<StoppingScore> of_answer,
                                                   const CombinationWeights& combination) {
  return std::make_unique<CombinedScore>(std::move(of_answer), combination);
}

}  // namespace cascadecl
