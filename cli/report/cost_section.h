#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/report/model_run.h"
#include "runtime/study/tradeoff/sweep_file.h"

namespace cascadecl {

// Points of accuracy against cost that share their stages: a sweep, or models of one cascade.
struct CostSource {
  std::string name;  // of its file or files
  Sweep sweep;
  bool models = false;
};

// A model's run joins the source of models with the same stages if there is one, and else becomes a source of its own.
// labels [N] of the images.
void add_model(std::vector<CostSource>& sources, const std::string& file, const ChosenCascade& cascade,
               const ModelRun& run, std::span<const std::int32_t> labels);

// {"sources": [{"name", "networks", "energy_reason"}], "points": [...], "table2": [...]}: the
// points of all sources with means and deviations over seeds, named by the series to which they belong.
nlohmann::ordered_json cost_json(const std::vector<CostSource>& sources);

}  // namespace cascadecl
