#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/model.h"
#include "runtime/study/runs/evaluation.h"

namespace cascadecl {

// The frontier of a model as a table of at most a dozen points, that of its decision marked; empty without one.
std::string frontier_text(const Model& model);
// All points: {"images", "points": [{"policy", "parameter", "combine", "alpha", "top1", "mac_fraction", "exits",
// "chosen"}]}; null without one.
nlohmann::ordered_json frontier_json(const Model& model);

// The point that the model's decision is; null if it is none of them.
const FrontierPoint* chosen_point(const Model& model);
// What is wrong with it, see cascade_warnings().
std::vector<std::string> frontier_warnings(const Model& model);
// What is wrong with a cascade on the images of an evaluation, and how to mend it; empty if nothing is.
std::vector<std::string> evaluation_warnings(const Evaluation& result, const ChosenCascade& cascade);

}  // namespace cascadecl
