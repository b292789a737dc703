#include "runtime/study/tradeoff/operating_point.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace cascadecl {
namespace {

using Runs = std::vector<const SweepPoint*>;

auto key_of(const SweepPoint& point) {
  return std::tie(point.policy, point.combine, point.joint_loss, point.parameter, point.alpha);
}

Spread spread_of(const Runs& runs, double SweepPoint::*quantity) {
  std::vector<double> values;
  for (const SweepPoint* run : runs) values.push_back(run->*quantity);
  return spread(values);
}

std::optional<Spread> spread_of(const Runs& runs, std::optional<double> SweepPoint::*quantity) {
  std::vector<double> values;
  for (const SweepPoint* run : runs) {
    if (run->*quantity) values.push_back(*(run->*quantity));
  }
  if (values.empty()) return std::nullopt;
  return spread(values);
}

std::vector<double> exit_shares(const Runs& runs, std::size_t stages) {
  std::vector<double> shares(stages);
  for (const SweepPoint* run : runs) {
    const auto total = std::accumulate(run->stopped.begin(), run->stopped.end(), std::int64_t{0});
    if (total == 0) return {};
    for (std::size_t k = 0; k < stages; ++k) {
      shares[k] += static_cast<double>(run->stopped[k]) / static_cast<double>(total) / static_cast<double>(runs.size());
    }
  }
  return shares;
}

OperatingPoint point_of(const Runs& runs, std::size_t stages) {
  const SweepPoint& first = *runs.front();
  return {.policy = first.policy,
          .combine = first.combine,
          .joint_loss = first.joint_loss,
          .parameter = first.parameter,
          .alpha = first.alpha,
          .runs = static_cast<int>(runs.size()),
          .top1 = spread_of(runs, &SweepPoint::top1),
          .mmac_per_image = spread_of(runs, &SweepPoint::mmac_per_image),
          .mac_fraction = spread_of(runs, &SweepPoint::mac_fraction),
          .ms_per_image = spread_of(runs, &SweepPoint::ms_per_image),
          .mj_per_image = spread_of(runs, &SweepPoint::mj_per_image),
          .exit_shares = exit_shares(runs, stages)};
}

}  // namespace

Spread spread(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  Spread result{.runs = static_cast<int>(values.size())};
  result.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / (count - 1));
  return result;
}

std::vector<OperatingPoint> operating_points(const Sweep& sweep) {
  std::vector<Runs> groups;
  for (const SweepPoint& point : sweep.points) {
    const auto same = [&](const Runs& runs) { return key_of(*runs.front()) == key_of(point); };
    const auto group = std::find_if(groups.begin(), groups.end(), same);
    if (group == groups.end()) {
      groups.push_back({&point});
    } else {
      group->push_back(&point);
    }
  }
  std::vector<OperatingPoint> points;
  for (const Runs& runs : groups) points.push_back(point_of(runs, sweep.stages.size()));
  return points;
}

std::optional<std::size_t> matching_point(const std::vector<OperatingPoint>& points, const std::string& policy,
                                          const std::string& joint_loss, double top1) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].policy != policy || points[i].joint_loss != joint_loss) continue;
    if (!best) {
      best = i;
      continue;
    }
    const double accuracy = points[i].top1.mean, best_accuracy = points[*best].top1.mean;
    const bool cheaper = points[i].mmac_per_image.mean < points[*best].mmac_per_image.mean;
    const bool better = best_accuracy < top1 ? accuracy > best_accuracy : accuracy >= top1 && cheaper;
    if (better) best = i;
  }
  return best;
}

std::vector<std::string> joint_losses(const std::vector<OperatingPoint>& points) {
  std::vector<std::string> losses;
  for (const OperatingPoint& point : points)
    if (std::ranges::find(losses, point.joint_loss) == losses.end()) losses.push_back(point.joint_loss);
  return losses;
}

std::string policy_title(const std::string& policy, const std::string& joint_loss) {
  if (policy != "learned") return policy;
  if (joint_loss.empty()) return "Ours (S)";
  return joint_loss == "reinforce" ? "Ours" : joint_loss == "own" ? "Ours (S), trained on" : "Ours, jointly";
}

}  // namespace cascadecl
