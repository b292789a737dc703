#pragma once
#include <span>
#include <vector>

#include "runtime/cascade/frontier.h"
#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {

// Costs of a table in millions of multiply-adds.
StageCosts mac_costs(const CascadeTable& table);

// The mean cost of an image, where stopped[k] images leave at stage k and pay for all stages up to there.
double mean_cost(const StageCosts& costs, std::span<const std::int64_t> stopped, bool asks_model);

// The limit that meets a target on a table, and the cost and accuracy it gives there.
struct Budget {
  double limit = 0;  // finite, exact as a float
  double cost = 0;   // an image
  Simulation simulation;
};

// Finds the limit of one policy for a goal; settings.limit is ignored. For a cost it is the largest limit that keeps to
// it. For a drop it is the cheapest of up to 1,000 limits spread evenly over the scores, against the best stage alone.
// If none meets the target, throws Error, which names the nearest value that can be reached (rounded to one that can);
// `unit` follows the target in the text.
Budget find_budget(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs,
                   const Goal& target, const SimulationSettings& settings, std::string_view unit);

// `count` limits whose costs, in multiply-adds, are spread evenly from the cheapest to the dearest. They are fewer
// where scores take few values. Ascending.
std::vector<double> spread_limits(const CascadeTable& table, std::span<const double> scores, int count,
                                  bool asks_model);

// A limit beyond all scores made finite: the next float above the largest.
double finite_limit(std::span<const double> scores, double limit);

}  // namespace cascadecl
