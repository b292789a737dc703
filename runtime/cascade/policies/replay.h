#pragma once
#include <vector>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {

// Repeats the decisions of an earlier run: image i stops at stage exits[i] (score 1 from there on, 0 before). It serves
// to measure the cost of a cascade without its policies. It is not among the policies that have a name.
StoppingPolicy make_replay_policy(std::vector<int> exits);

}  // namespace cascadecl
