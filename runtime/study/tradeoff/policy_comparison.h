#pragma once
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/study/answers/cascade_table.h"

namespace cascadecl {

// One policy on the images of a table.
struct ComparedPolicy {
  PolicyChoice choice;  // with the parameter that was used; none for the oracle
  std::string network;  // of static: which stage
  Simulation simulation;
};

// Compares all policies of a model on the same images at the same cost: the learned one at its own limit, each policy
// with a threshold at the one whose multiply-adds come closest to the learned policy's without exceeding them, each
// stage alone, and the oracle as a bound. Policies that the model lacks (ann without exit functions) are left out. The
// thresholds are chosen on the very images that judge them, which favours them over the learned policy. seed: of the
// random policy. Throws as require_policies() does.
std::vector<ComparedPolicy> compare_policies(const Model& model, CascadeTable table, const Device& device,
                                             Combine combine, double learned_limit = 0.5, std::uint64_t seed = 0);

// Throws UsageError for a model without policies, which others could be compared with.
void require_policies(const Model& model);

}  // namespace cascadecl
