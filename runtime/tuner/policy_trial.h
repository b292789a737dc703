#pragma once
#include "runtime/cascade/policy_weights.h"
#include "runtime/ops/trials/trial.h"

namespace cascadecl {

// A policy between two stages, as the tuner runs it.
MakeTrial policy_trial(const PolicySize& size);

}  // namespace cascadecl
