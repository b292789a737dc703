#pragma once
#include <string>
#include <vector>

#include "runtime/cascade/model.h"

namespace cascadecl {

// A small cascade of resnet-8-like stages with random weights, batch norm statistics and policies, for tests. The same
// seed gives the same model. `networks` become the stages; all but the last get a policy with `hidden` units. With
// PolicyInput::combined it also has a combination of random weights.
Model random_model(const std::vector<Network>& networks, std::uint64_t seed, PolicyInput input = PolicyInput::sorted,
                   int hidden = 8);

}  // namespace cascadecl
