#pragma once
#include <cstdint>
#include <vector>

#include "runtime/cascade/model.h"
#include "tests/support/reference_ops.h"
#include "trainer/estimator.h"

// The stopping policy and its learning in plain loops and double precision (share/doc/policy.md).
namespace cascadecl::reference {

// A policy of random weights, fixed by the seed.
Policy random_policy(PolicyInput input, int classes, int hidden, unsigned seed, int features = 0);
// n rows of random label probabilities, peaked and flat ones.
Values random_probabilities(int n, int classes, unsigned seed);

// One row of label probabilities, and the features behind them, as the policy sees them at test time.
Values policy_input(PolicyInput input, const Values& probabilities, const Values& features = {});
// logit[stop] - logit[continue] of one image, from the policy's input.
double stop_logit(const Policy& policy, const Values& input);
// Its gradient by the parameters, in the order of policy_arrays(), one after the other.
Values stop_logit_gradient(const Policy& policy, const Values& input);
double sigmoid(double z);

// What a batch of n images is judged by.
struct StoppingProblem {
  int stages = 3, n = 1, classes = 10;
  Values probabilities;              // [stages][n][classes]
  std::vector<int> labels;           // [n]
  std::vector<double> exit_penalty;  // [stages], alpha * cost of leaving there
  int top_k = 1;
  RewardLabel reward_label = RewardLabel::sampled;
  Values row(int stage, int image) const;
};

// Gradients of minus the mean reward.
struct StoppingGradient {
  Values reward;           // [n]: R (reinforce) or E[R] (exact)
  Values stop_gradient;    // [stages-1][n]
  Values class_gradient;   // [stages][n][classes]
  std::vector<int> exits;  // [n], of reinforce
};

// Pi(k) of one image from its stages-1 stop logits.
Values exit_probabilities(const Values& stop_logits);

// Summed over all exits and labels. stop_logit [stages-1][n].
StoppingGradient exact_gradient(const StoppingProblem& problem, const Values& stop_logit, double entropy);

// Sampled as the kernels do from seed and step. score_norm [stages-1][n]; feature_norm [stages][n] or empty; the
// classifiers' score counts in the weights if class_gradient.
struct ReinforceCase {
  Baseline baseline = Baseline::none;
  double entropy = 0;
  bool class_gradient = false;
  std::uint64_t seed = 1;
  unsigned step = 0;
};
StoppingGradient reinforce_gradient(const StoppingProblem& problem, const Values& stop_logit, const Values& score_norm,
                                    const Values& feature_norm, const ReinforceCase& settings);

}  // namespace cascadecl::reference
