#pragma once
#include <vector>

#include "runtime/cascade/model.h"
#include "tests/support/reference_ops.h"

// The stopping policy and its learning in plain loops and double precision (share/doc/policy.md).
namespace cascadecl::reference {

// A policy of random weights, fixed by the seed.
Policy random_policy(PolicyInput input, int classes, int hidden, unsigned seed);
// n rows of random label probabilities, peaked and flat ones.
Values random_probabilities(int n, int classes, unsigned seed);

// One row of label probabilities as the policy sees it at test time.
Values policy_input(PolicyInput input, const Values& probabilities);
// logit[stop] - logit[continue] of one image, from the policy's input.
double stop_logit(const Policy& policy, const Values& input);
double sigmoid(double z);

}  // namespace cascadecl::reference
