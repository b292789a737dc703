#pragma once
#include <span>
#include <vector>

#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {

// Costs of a table in millions of multiply-adds.
StageCosts mac_costs(const CascadeTable& table);

// The mean cost of images of which stopped[k] leave at stage k, having paid for all stages up to there.
double mean_cost(const StageCosts& costs, std::span<const std::int64_t> stopped, bool asks_model);

// What a user wants of a policy's threshold.
//   cost  at most `value` an image, in the unit of the costs
//   drop  accuracy at most `value` points (of 100) below the largest stage's, as cheap as can be
struct BudgetTarget {
  enum class Kind { cost, drop };
  Kind kind = Kind::cost;
  double value = 0;
};

// The limit that meets a target on a table, and what it gives there.
struct Budget {
  double limit = 0;  // finite, exact as a float
  double cost = 0;   // an image
  Simulation simulation;
};

// settings.limit is of no matter. For a cost: the largest limit that keeps to it. For a drop: the cheapest among up to
// 1,000 limits spread evenly over the scores. Throws Error, which names the nearest value that can be reached (rounded
// to one that can), if none meets the target; `unit` follows the target.
Budget find_budget(const CascadeTable& table, std::span<const double> scores, const StageCosts& costs,
                   const BudgetTarget& target, SimulationSettings settings, std::string_view unit);

// `count` limits whose costs, in multiply-adds, lie evenly between the cheapest and the dearest; fewer where scores
// take few values. Ascending.
std::vector<double> spread_limits(const CascadeTable& table, std::span<const double> scores, int count,
                                  bool asks_model);

// A limit beyond all scores made finite: the next float above the largest.
double finite_limit(std::span<const double> scores, double limit);

}  // namespace cascadecl
