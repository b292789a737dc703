#pragma once
#include <functional>
#include <vector>

#include "runtime/cascade/frontier.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/cascade_table.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

struct FrontierSettings {
  // The prices of costs that learned policies are trained for, one set each.
  std::vector<double> alphas = {0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.25};
  PolicyPhaseSettings phase;                // of them; its alpha is not looked at
  int thresholds = 25;                      // of each policy, spread over its costs
  std::vector<double> relative_costs = {};  // [stages], F_t of the policies; none: of multiply-adds
};

// Finds the best ways to run a cascade on images that its stages were not fitted to: learned policies of several prices
// and thresholds, plain thresholds, and each stage alone. Points that cost more and are no more accurate are dropped.
// Learned policies are judged on images that they were not fitted to: one half of the images judges those fitted to the
// other half, while the policies that are kept are fitted to all.
//   table    of the stages, with the combination of their answers; its stop probabilities are not looked at
//   stopped  asked now and then; true ends the work, and the result is empty. May be none.
// Throws UsageError for a single stage or fewer than 2 images.
Frontier fit_frontier(const CascadeTable& table, const Device& device, const FrontierSettings& settings,
                      const std::function<bool()>& stopped = {});

}  // namespace cascadecl
