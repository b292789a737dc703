#pragma once
#include <optional>

#include "data/dataset.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/runs/unit_goal.h"
#include "runtime/study/tradeoff/budget.h"

namespace cascadecl {

// A goal, and the policy whose threshold should meet it; without one the best point of the model's frontier does.
struct BudgetQuestion {
  UnitGoal target;
  std::optional<PolicyKind> policy = {};
  std::optional<Combine> combine = {};  // none: default_combine() of the model
};

// A threshold that was found, and everything needed to judge other images in the same way.
struct BudgetAnswer {
  Budget budget;
  StageCosts costs;
  SimulationSettings simulation;
};

// Finds the point of the frontier, or the policy's threshold on the images of a table of the model's stages, and makes
// it the model's decision. The table's stop probabilities become those of the policy asked for; costs in ms and mJ are
// measured on images of `timed_on`, run as `settings` say. Throws UsageError (the policy has no threshold, a single
// stage, no frontier), MeasurementError, Error as find_budget() and pick().
BudgetAnswer decide(const BudgetQuestion& question, Model& model, CascadeTable& table, const Device& device,
                    const Dataset& timed_on, const ExecutorSettings& settings = {},
                    const MeterEnvironment& environment = {});

// What the model's decision gives on all images of another dataset, or part of one.
Budget judge_decision(const BudgetAnswer& answer, const Model& model, const Device& device, const Dataset& dataset,
                      std::span<const std::int64_t> indices, int batch_size);

// What a model does with the images of a table of its stages, by its own decision, or without one by its learned
// policies at 1/2.
Simulation simulate_model(const Model& model, CascadeTable table, const Device& device);

}  // namespace cascadecl
