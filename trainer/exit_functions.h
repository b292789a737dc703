#pragma once
#include <vector>

#include "runtime/opencl/device.h"
#include "runtime/study/answers/cascade_table.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

// A table of stages as policies with this input learn from it: for PolicyInput::combined with the combined answers in
// the place of the stages' own, which the reward then judges, too. Throws UsageError if it holds no combination.
CascadeTable as_policies_see(CascadeTable table, PolicyInput input);

// Fits exit functions by supervision with the stages frozen (Bolukbasi et al. 2017): one for each stage but the last,
// in the form of policies. It goes from the last to the first. With the functions behind it given, it is known for
// every image what going on would cost and whether it would mend the answer. The function learns, as a logistic
// regression on the policy's network, to stop where
//   (error here - error at the exit behind) <= alpha (cost of the stages in between),
// each image weighted by the difference of the two sides. Costs are relative to the largest stage; answers are those
// that as_policies_see() gives. It uses epochs, learning_rate, alpha, input, hidden and top_k of PolicyLearning. The
// same settings, table, device and build give the same bits. Throws UsageError for a single stage or no images.
std::vector<Policy> fit_exit_functions(const CascadeTable& stages, const Device& device,
                                       const PolicyPhaseSettings& settings);

// Learned policies for the stages of a table, by a whole PolicyPhase on all its images. relative_costs [stages]: F_t;
// none: of multiply-adds.
std::vector<Policy> fit_policies(const CascadeTable& stages, const Device& device, const PolicyPhaseSettings& settings,
                                 const std::vector<double>& relative_costs = {});

}  // namespace cascadecl
