#pragma once
#include "cli/options.h"
#include "trainer/policy_learning.h"

namespace cascadecl {

// The flags of commands that train policies, or exit functions in their place, by reward: all of PolicyLearning but
// alpha, of which some commands take one and some a list.
void add_policy_learning_flags(Options& options, PolicyLearning& learning);
// Those of them that also matter to exit functions alone: --policy-epochs, --policy-learning-rate, --policy-input,
// --policy-hidden, --top-k.
void add_exit_function_flags(Options& options, PolicyLearning& learning);

}  // namespace cascadecl
