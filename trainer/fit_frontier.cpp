#include "trainer/fit_frontier.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/study/tradeoff/budget.h"
#include "trainer/exit_functions.h"

namespace cascadecl {
namespace {

// The half of each image, 0 or 1: of the images of a class every other one.
std::vector<int> halves_of(const CascadeTable& table) {
  std::map<std::int32_t, int> seen;
  std::vector<int> halves;
  for (const std::int32_t label : table.labels) halves.push_back(seen[label]++ % 2);
  return halves;
}

CascadeTable images_of(const CascadeTable& table, const std::vector<int>& halves, int half) {
  CascadeTable part{.probabilities = {table.stages(), 0, table.probabilities.classes, {}},
                    .network_mmac = table.network_mmac,
                    .combination = table.combination};
  part.features.resize(table.features.size());
  for (std::size_t i = 0; i < table.images(); ++i) {
    if (halves[i] != half) continue;
    ++part.probabilities.images;
    part.labels.push_back(table.labels[i]);
    part.numbers.push_back(table.numbers[i]);
  }
  for (std::size_t t = 0; t < table.stages(); ++t) {
    const std::size_t features = table.features.empty() ? 0 : table.features[t].size() / table.images();
    for (std::size_t i = 0; i < table.images(); ++i) {
      if (halves[i] != half) continue;
      const auto row = table.probabilities.row(t, i);
      part.probabilities.values.insert(part.probabilities.values.end(), row.begin(), row.end());
      if (features == 0) continue;
      const auto first = table.features[t].begin() + static_cast<std::ptrdiff_t>(i * features);
      part.features[t].insert(part.features[t].end(), first, first + static_cast<std::ptrdiff_t>(features));
    }
  }
  return part;
}

// Judges points of a table.
class Judge {
 public:
  explicit Judge(const CascadeTable& table) : table_(table) {
    const CascadeTable combined = table.combination.empty() ? table : with_combined_answers(table);
    combine_ = table.combination.empty() ? Combine::last : Combine::fitted;
    for (std::size_t k = 0; k < table.stages(); ++k)
      for (std::size_t i = 0; i < table.images(); ++i) {
        right_.push_back(rank_of(combined.probabilities.row(k, i), table.labels[i]) == 0);
        alone_.push_back(rank_of(table.probabilities.row(k, i), table.labels[i]) == 0);
      }
  }

  FrontierPoint at(const CascadeTable& table, const std::vector<double>& scores, double limit) const {
    FrontierPoint point{.combine = combine_};
    std::vector<std::size_t> left(table.stages());
    std::size_t right = 0;
    for (std::size_t i = 0; i < table.images(); ++i) {
      const std::size_t exit = exit_of(table, scores, limit, i);
      ++left[exit];
      right += right_[exit * table.images() + i] ? 1 : 0;
    }
    const auto images = static_cast<double>(table.images());
    for (const std::size_t count : left) point.exits.push_back(static_cast<double>(count) / images);
    point.top1 = static_cast<double>(right) / images;
    return point;
  }

  FrontierPoint alone(std::size_t stage) const {
    FrontierPoint point{.policy = {PolicyKind::fixed, static_cast<double>(stage)}, .combine = Combine::last};
    point.exits.assign(table_.stages(), 0.0);
    point.exits[stage] = 1;
    const auto first = alone_.begin() + static_cast<std::ptrdiff_t>(stage * table_.images());
    point.top1 = static_cast<double>(std::count(first, first + static_cast<std::ptrdiff_t>(table_.images()), true)) /
                 static_cast<double>(table_.images());
    return point;
  }

 private:
  const CascadeTable& table_;
  Combine combine_;
  std::vector<bool> right_, alone_;  // [stages][images]: of the answer combined of the stages visited, of the stage
};

// Thresholds of a policy that was not fitted.
void add_thresholds(const Judge& judge, const CascadeTable& table, PolicyKind kind, int count,
                    std::vector<FrontierPoint>& points) {
  const auto score = make_score(kind, {.combination = table.combination});
  const std::vector<double> scores = scores_of(table, *score);
  for (const double limit : spread_limits(table, scores, count, false)) {
    points.push_back(judge.at(table, scores, limit));
    points.back().policy = {kind, score->parameter_of(limit)};
  }
}

// Thresholds of learned policies, which the table holds the stop probabilities of. What they cost is known from the
// very images that they were fitted to; how accurate they are at that cost, from `crossed`, where images are judged by
// policies that were not fitted to them.
void add_learned(const Judge& judge, const CascadeTable& table, const CascadeTable& crossed, int count,
                 std::vector<FrontierPoint>& points) {
  const auto score = make_score(PolicyKind::learned);
  const std::vector<double> scores = scores_of(table, *score), judging = scores_of(crossed, *score);
  std::vector<double> limits = spread_limits(table, scores, count, true);
  limits.push_back(0.5);
  for (const double limit : limits) {
    points.push_back(judge.at(table, scores, limit));
    points.back().policy = {PolicyKind::learned, score->parameter_of(limit)};
    const double as_dear = limit_at_mmac(crossed, judging, mmac_at(table, scores, limit, true), true);
    points.back().top1 = judge.at(crossed, judging, as_dear).top1;
  }
}

// Sorts by cost, and drops points that are no more accurate than a cheaper one.
std::vector<FrontierPoint> best_of(std::vector<FrontierPoint> points, const StageCosts& costs) {
  std::ranges::stable_sort(points, [&](const FrontierPoint& a, const FrontierPoint& b) {
    const double x = cost_of(a, costs), y = cost_of(b, costs);
    return x < y || (x == y && a.top1 > b.top1);
  });
  std::vector<FrontierPoint> best;
  for (FrontierPoint& point : points)
    if (best.empty() || point.top1 > best.back().top1) best.push_back(std::move(point));
  return best;
}

// Keeps the sets of policies that a point still refers to.
void drop_unused_policies(Frontier& frontier) {
  std::vector<std::vector<Policy>> kept;
  std::map<std::size_t, std::size_t> place;
  for (FrontierPoint& point : frontier.points) {
    if (!point.set) continue;
    const auto [entry, added] = place.try_emplace(*point.set, kept.size());
    if (added) kept.push_back(std::move(frontier.policies[*point.set]));
    point.set = entry->second;
  }
  frontier.policies = std::move(kept);
}

}  // namespace

Frontier fit_frontier(const CascadeTable& table, const Device& device, const FrontierSettings& settings,
                      const std::function<bool()>& stopped) {
  if (table.stages() < 2 || table.images() < 2)
    throw UsageError("frontier: expected at least 2 stages and 2 images to fit it on");
  const Judge judge(table);
  Frontier frontier{.images = static_cast<std::int64_t>(table.images())};
  for (std::size_t k = 0; k < table.stages(); ++k) {
    frontier.points.push_back(judge.alone(k));
    frontier.stage_top1.push_back(frontier.points.back().top1);
  }
  for (const PolicyKind kind :
       {PolicyKind::confidence, PolicyKind::margin, PolicyKind::entropy, PolicyKind::combined_confidence,
        PolicyKind::combined_margin, PolicyKind::combined_entropy}) {
    if (!scores_combined(kind) || !table.combination.empty())
      add_thresholds(judge, table, kind, settings.thresholds, frontier.points);
  }

  const std::vector<int> halves = halves_of(table);
  const std::vector<CascadeTable> parts = {images_of(table, halves, 0), images_of(table, halves, 1)};
  StageCosts costs = mac_costs(table);
  for (const double alpha : settings.alphas) {
    PolicyPhaseSettings phase = settings.phase;
    phase.learning.alpha = alpha;
    std::vector<CascadeTable> judged;  // all images under the policies of each half
    for (const CascadeTable& part : parts) {
      if (stopped && stopped()) return {};
      if (part.images() > 0)
        judged.push_back(with_policies(table, fit_policies(part, device, phase, settings.relative_costs), device));
    }
    CascadeTable crossed = judged.front();
    for (std::size_t t = 0; judged.size() == 2 && t < table.stages(); ++t)
      for (std::size_t i = 0; i < table.images(); ++i)
        if (halves[i] == 0)
          crossed.stop_probability[t * table.images() + i] = judged[1].stop_probability[t * table.images() + i];
    costs = mac_costs(crossed);
    const std::size_t first = frontier.points.size();
    const std::vector<Policy> policies = fit_policies(table, device, phase, settings.relative_costs);
    add_learned(judge, with_policies(table, policies, device), crossed, settings.thresholds, frontier.points);
    for (std::size_t i = first; i < frontier.points.size(); ++i) {
      frontier.points[i].set = frontier.policies.size();
      frontier.points[i].alpha = alpha;
    }
    frontier.policies.push_back(policies);
  }
  frontier.points = best_of(std::move(frontier.points), costs);
  drop_unused_policies(frontier);
  return frontier;
}

}  // namespace cascadecl
