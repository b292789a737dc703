#include "cli/phase_flags.h"

namespace cascadecl {

void add_exit_function_flags(Options& options, PolicyPhaseSettings& phase) {
  options.add_number("policy-epochs", phase.epochs, 0, 100000, "epochs of policies and exit functions");
  options.add_number("policy-learning-rate", phase.learning_rate, 0, 1000,
                     "learning rate of policies and exit functions, times 0.9 every 4 epochs");
  options.add_choice<PolicyInput>(
      "policy-input", phase.input,
      {{"raw", PolicyInput::raw},
       {"sorted", PolicyInput::sorted},
       {"permuted", PolicyInput::permuted},
       {"features", PolicyInput::features}},
      "what policies see: label probabilities, or sorted ones with the stage's pooled features");
  options.add_number("policy-hidden", phase.hidden, 0, 4096,
                     "hidden units of a policy; 0: 64, or 256 from 1,000 classes on");
  options.add_number("top-k", phase.top_k, 1, 1000, "an answer is right if the label is among the first k");
}

void add_phase_flags(Options& options, PolicyPhaseSettings& phase) {
  add_exit_function_flags(options, phase);
  options.add_choice<EstimatorKind>("estimator", phase.estimator,
                                    {{"reinforce", EstimatorKind::reinforce}, {"exact", EstimatorKind::exact}},
                                    "how the gradient of the expected reward is estimated");
  options.add_choice<RewardLabel>("reward-label", phase.reward_label,
                                  {{"sampled", RewardLabel::sampled}, {"argmax", RewardLabel::argmax}},
                                  "which answer the reward judges");
  options.add_number("entropy", phase.entropy, 0, 100, "weight of the entropy bonus at first; it decays to 0");
}

}  // namespace cascadecl
