#pragma once
#include <vector>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {

// Decides again as an earlier run has: image i stops at stage exits[i] (score 1 from there on, 0 before). What a
// cascade costs without its policies is measured with it; it is not among the policies that have a name.
StoppingPolicy make_replay_policy(std::vector<int> exits);

}  // namespace cascadecl
