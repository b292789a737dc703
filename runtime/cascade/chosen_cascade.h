#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// A goal, and the costs that it counts.
struct GoalChoice {
  Goal goal;
  std::optional<StageCosts> costs = {};  // none: multiply-adds, as shares of the largest stage's
  std::string unit = "of the largest stage's MACs";
};

// A caller's choice of how a model decides and answers. Where it leaves something open, the model's own decision holds.
struct CascadeChoice {
  std::optional<PolicyChoice> policy = {};  // none: the policy of the model's decision, or learned:0.5 if it has none
  std::optional<Combine> combine = {};      // none: as in the model's decision if its policy decides, else as
                                            // default_combine() says
  std::optional<GoalChoice> goal = {};      // in the place of policy: the point of the model's frontier that meets it
  std::uint64_t seed = 0;                   // of the policies sample and random
};

// A model as it runs.
struct ChosenCascade {
  Model model;  // with the policies that decide, or for static the one stage; see model_under()
  PolicyChoice choice;
  ExecutorSettings settings;  // with policy and combine
  double largest_mmac = 0;    // of the whole model, which for static is more than what runs
};

// Throws as model_under(), make_policy() and pick().
ChosenCascade choose(Model whole, const CascadeChoice& said, ExecutorSettings settings);

// Completes settings that name no policy by the model's own decision: it gives them policy and combination, and keeps
// of the model what then runs. Whatever runs a model begins with this. Throws as choose() does.
void obey_decision(Model& model, ExecutorSettings& settings);

}  // namespace cascadecl
