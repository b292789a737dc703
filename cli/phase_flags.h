#pragma once
#include "cli/options.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

// The flags of commands that fit exit functions on frozen stages: --policy-epochs, --policy-learning-rate,
// --policy-input, --policy-hidden, --top-k.
void add_exit_function_flags(Options& options, PolicyPhaseSettings& phase);
// Of those that also fit policies, which learn by reward: besides --estimator, --reward-label, --entropy.
void add_phase_flags(Options& options, PolicyPhaseSettings& phase);

}  // namespace cascadecl
