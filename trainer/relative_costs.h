#pragma once
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {

// F_t of the paper: MACs of each stage and its policy, divided by the largest stage's alone.
std::vector<double> relative_costs(const Model& model);
// The same in time or energy, measured on the device: each stage's cost divided by the dearest one's. Policies cost
// nothing. CostUnit::mac gives the costs above. Throws MeasurementError with the reason if energy cannot be measured.
std::vector<double> relative_costs(const Model& model, CostUnit unit, const Device& device, const Dataset& data,
                                   int batch_size, const MeterEnvironment& environment = {});

}  // namespace cascadecl
