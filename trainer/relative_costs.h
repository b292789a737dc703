#pragma once
#include <vector>

#include "runtime/cascade/model.h"

namespace cascadecl {

// F_t of the paper: MACs of each stage and its policy, divided by the largest stage's alone.
std::vector<double> relative_costs(const Model& model);

}  // namespace cascadecl
