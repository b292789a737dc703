#include "cli/plan_steps.h"

#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/output.h"

namespace cascadecl {
namespace {

double total(const std::vector<double>& seconds) { return std::accumulate(seconds.begin(), seconds.end(), 0.0); }

}  // namespace

std::string why_not_faster(const PlanStep& step) {
  return step.declined.empty() ? step.reason : to_string(step.declined);
}

nlohmann::ordered_json steps_json(const std::vector<PlanStep>& steps, const std::vector<double>& seconds) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PlanStep& step = steps[i];
    nlohmann::ordered_json json = {{"layers", step.layers}, {"operation", step.operation}, {"variant", step.variant},
                                   {"reason", nullptr},     {"parameters", nullptr},       {"tuning", nullptr},
                                   {"mmac", step.mmac}};
    if (!step.reason.empty()) json["reason"] = step.reason;
    json["declined"] = nlohmann::ordered_json::array();
    for (const Declined& d : step.declined) json["declined"].push_back({{"variant", d.variant}, {"reason", d.reason}});
    if (!step.parameters.empty()) {
      json["parameters"] = nlohmann::ordered_json::object();
      for (const auto& [name, value] : step.parameters) json["parameters"][name] = value;
      json["tuning"] = to_string(step.source);
    }
    if (!seconds.empty()) {
      json["ms"] = seconds[i] * 1e3;
      json["time_share"] = seconds[i] / total(seconds);
    }
    list.push_back(std::move(json));
  }
  return list;
}

std::string steps_text(const std::vector<PlanStep>& steps, const std::vector<double>& seconds) {
  Table table({"step", "<layers", "<operation", "<variant", "ms", "time", "MMAC", "<tuning", "<parameters", "<reason"});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const PlanStep& step = steps[i];
    const bool timed = !seconds.empty();
    table.add_row({std::to_string(i), step.layers, step.operation, step.variant,
                   timed ? decimal(seconds[i] * 1e3, 3) : "-", timed ? percent(seconds[i] / total(seconds), 1) : "-",
                   decimal(step.mmac, 2), step.parameters.empty() ? "-" : std::string(to_string(step.source)),
                   step.parameters.empty() ? "-" : to_string(step.parameters), why_not_faster(step)});
  }
  return table.text();
}

}  // namespace cascadecl
