#pragma once
#include <string_view>

#include "runtime/cascade/model.h"

namespace cascadecl {

// How the gradient of the expected reward is estimated (share/doc/policy.md).
//   reinforce  from one sampled exit and label for each image (paper, 3.3)
//   exact      the sum over all exits and labels; needs every stage's label probabilities of every image
enum class EstimatorKind { reinforce, exact };

// b in (R - b) of REINFORCE; g is the gradient of log Pi(k) + log C_k(yhat) by the parameters.
//   none            0
//   mean            mean R of the batch; biased by O(1/batch)
//   variance        E[|g|^2 R] / E[|g|^2] over the batch, which minimises the variance; biased by O(1/batch)
//   variance_split  the same, over the other half of the batch: without bias
enum class Baseline { none, mean, variance, variance_split };

// Whether an image that stops at stage k pays for stages 1..k (the paper's text) or 1..k-1 (its equation (1)).
enum class CostThrough { stop, previous };

// Which answer the reward judges: labels drawn from the stage's probabilities (paper) or its most probable ones.
enum class RewardLabel { sampled, argmax };

std::string_view to_string(EstimatorKind kind);   // "reinforce", "exact"
std::string_view to_string(Baseline baseline);    // "none", "mean", "variance", "variance-split"
std::string_view to_string(CostThrough through);  // "stop", "previous"
std::string_view to_string(RewardLabel label);    // "sampled", "argmax"

// The settings by which the policies of a cascade learn, or the exit functions in their place (share/doc/policy.md).
// Whoever trains adds the settings that policies and stages share: batch size, momentum and seed.
struct PolicyLearning {
  int epochs = 60;
  double learning_rate = 0.1;  // times 0.9 every four epochs
  EstimatorKind estimator = EstimatorKind::reinforce;
  Baseline baseline = Baseline::variance_split;
  CostThrough cost_through = CostThrough::stop;
  RewardLabel reward_label = RewardLabel::argmax;
  double alpha = 0.1;  // reward = -error - alpha * cost: the largest stage's cost in points of error rate (1 = 100 %)
  double entropy = 0.05;  // weight of the entropy bonus at the start; 0 from 80 % of the epochs on
  PolicyInput input = PolicyInput::combined;
  int hidden = 0;  // units of a hidden layer; 0: 64, or 256 from 1,000 classes on (paper, 4.3)
  int top_k = 1;   // the answer is right if the true label is among top_k labels drawn (or most probable)

  int hidden_units(int classes) const { return hidden ? hidden : default_hidden(classes); }
};

}  // namespace cascadecl
