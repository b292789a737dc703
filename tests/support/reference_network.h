#pragma once
#include <map>
#include <string>

#include "runtime/cascade/model.h"
#include "runtime/network/description.h"
#include "runtime/network/parameters.h"
#include "tests/support/reference_ops.h"

// Whole networks and cascades in plain double precision: the golden for plans and executors.
namespace cascadecl::reference {

// The output of every layer, by name, for n normalised images [n][C][H][W]. Batch norm uses the running statistics.
std::map<std::string, Values> forward_all(const Network& network, const Parameters& parameters, const Values& images,
                                          int n = 1);

// Logits [n][classes].
Values forward(const Network& network, const Parameters& parameters, const Values& images, int n = 1);

// Stop probabilities [n] of a policy for label probabilities [n][classes] and the pooled features [n][policy.features].
// permuted is raw here, as at test time.
Values stop_probabilities(const Policy& policy, const Values& probabilities, const Values& features, int n);

// One image through a cascade, under the policy learned:0.5 (stop where pi >= 0.5).
struct CascadeAnswer {
  int exit_stage = 0;
  Values probabilities;     // [K][classes], of all stages, visited or not
  Values stop_probability;  // [K], 1 for the last
  Values combined;          // [K][classes], A_k = softmax(sum over t <= k of w_kt log C_t); empty without weights
  Values answer;            // [classes], A_k of the exit; without weights sum of pi_t C_t / sum of pi_t over t <= k
};
CascadeAnswer classify(const Model& model, const Values& image);

}  // namespace cascadecl::reference
