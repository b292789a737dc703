#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/profile/energy_model.h"
#include "runtime/study/runs/cascade_profile.h"

namespace cascadecl {

// What profile --json prints of a profile, as share/doc/energy.md lists it, less what the command adds of its settings.
nlohmann::ordered_json profile_json(const CascadeProfile& profile, const std::optional<EnergyModel>& estimate);

// The workloads of that JSON as text: a line each, under a header of their keys.
std::string profile_csv(const nlohmann::ordered_json& profile);
std::string profile_markdown(const nlohmann::ordered_json& profile);

}  // namespace cascadecl
