#pragma once
#include "cli/options.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

// The flags of commands that fit policies on frozen stages: --policy-epochs, --policy-learning-rate, --policy-input,
// --policy-hidden, --estimator, --reward-label, --entropy, --top-k.
void add_phase_flags(Options& options, PolicyPhaseSettings& phase);

}  // namespace cascadecl
