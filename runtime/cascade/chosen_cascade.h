#pragma once
#include <cstdint>
#include <optional>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// What a caller says about how a model decides and answers. What is left open the model's own decision says.
struct CascadeChoice {
  std::optional<PolicyChoice> policy = {};  // none: that of the model's decision, or without one learned:0.5
  std::optional<Combine> combine = {};      // none: that of the model's decision if its policy decides, else reweight
  std::uint64_t seed = 0;                   // of the policies sample and random
};

// A model as it runs.
struct ChosenCascade {
  Model model;  // with the policies that are asked, or for static the one stage; see model_under()
  PolicyChoice choice;
  ExecutorSettings settings;  // with policy and combine
  double largest_mmac = 0;    // of the whole model, which for static is more than what runs
};

// Throws as model_under() and make_policy().
ChosenCascade choose(Model whole, const CascadeChoice& said, ExecutorSettings settings);

// Where the settings name no policy, the model's own decision holds, as if nobody had chosen: gives them policy and
// combination and leaves of the model what runs then. Whatever runs a model begins with this. Throws as choose().
void obey_decision(Model& model, ExecutorSettings& settings);

}  // namespace cascadecl
