#pragma once
#include <span>
#include <string_view>

#include "runtime/cascade/chosen_cascade.h"
#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {

// A goal, and the unit that its cost counts in. A cost in CostUnit::mac is a share of the largest stage's
// multiply-adds.
struct UnitGoal {
  Goal goal;
  CostUnit unit = CostUnit::mac;
};

// The unit of a cost or a goal in messages: "ms an image", "points below the best stage".
std::string_view unit_text(CostUnit unit);
std::string_view unit_text(const UnitGoal& goal);

// A goal with the costs that it counts, as choose() takes it. Milliseconds and millijoules are measured now, each stage
// alone on its device, with 256 images of noise.
//   devices  one for each stage; may be empty for CostUnit::mac, where nothing is measured
// Throws MeasurementError telling why energy cannot be measured.
GoalChoice goal_choice(const UnitGoal& goal, const Model& model, std::span<const Device> devices,
                       const ExecutorSettings& settings = {}, const MeterEnvironment& environment = {});

}  // namespace cascadecl
