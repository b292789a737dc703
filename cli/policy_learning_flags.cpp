#include "cli/policy_learning_flags.h"

namespace cascadecl {

void add_exit_function_flags(Options& options, PolicyLearning& learning) {
  options.add_number("policy-epochs", learning.epochs, 0, 100000,
                     "epochs of policies and exit functions, stages frozen");
  options.add_number("policy-learning-rate", learning.learning_rate, 0, 1000,
                     "learning rate of policies, times 0.9 every 4 epochs");
  options.add_enumeration("policy-input", learning.input, policy_inputs(),
                          "what policies see: the answer combined of all stages visited, which is then what the reward "
                          "judges, too; or the stage's own label probabilities, sorted or not, or sorted with its "
                          "pooled features");
  options.add_number("policy-hidden", learning.hidden, 0, 4096,
                     "hidden units of a policy; 0: 64, or 256 from 1,000 classes on");
  options.add_number("top-k", learning.top_k, 1, 1000, "an answer is right if the label is among the first k");
}

void add_policy_learning_flags(Options& options, PolicyLearning& learning) {
  add_exit_function_flags(options, learning);
  options.add_enumeration("estimator", learning.estimator, {EstimatorKind::reinforce, EstimatorKind::exact},
                          "how the gradient of the expected reward is estimated");
  options.add_enumeration("baseline", learning.baseline,
                          {Baseline::variance, Baseline::variance_split, Baseline::mean, Baseline::none},
                          "the baseline of reinforce");
  options.add_enumeration("cost-through", learning.cost_through, {CostThrough::stop, CostThrough::previous},
                          "pay for the stages up to the exit, or up to the one before");
  options.add_enumeration("reward-label", learning.reward_label, {RewardLabel::sampled, RewardLabel::argmax},
                          "which answer the reward of the policy phase judges: the most probable label, or one "
                          "drawn at random (paper)");
  options.add_number("entropy", learning.entropy, 0, 100, "weight of the entropy bonus at first; it decays to 0");
}

}  // namespace cascadecl
