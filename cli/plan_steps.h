#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/network/plan_step.h"

namespace cascadecl {

// The steps of a plan for JSON: layers, operation, variant, parameters and where they came from (null for a step
// without tunables), reason, mmac, declined; with `seconds` of each also ms and time_share.
nlohmann::ordered_json steps_json(const std::vector<PlanStep>& steps, const std::vector<double>& seconds = {});

// The same as a table.
std::string steps_text(const std::vector<PlanStep>& steps, const std::vector<double>& seconds = {});

// Which faster variants declined, and why: "winograd: 1x1 kernel, ...; direct: needs ...". Empty if the fastest runs.
std::string why_not_faster(const PlanStep& step);

}  // namespace cascadecl
