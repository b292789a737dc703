#include "trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cascadecl {
namespace {

// From `from` at share 0 to `to` at share 1 along half a cosine.
double cosine_between(double from, double to, double share) {
  return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace

double StepSchedule::rate_at(double progress) const {
  const auto passed = std::count_if(milestones.begin(), milestones.end(), [&](double m) { return m <= progress; });
  return rate * std::pow(factor, static_cast<double>(passed));
}

double OneCycleSchedule::rate_at(double progress) const {
  progress = std::clamp(progress, 0.0, 1.0);
  const double start = max_rate * start_factor;
  if (progress < warm_up) {
    const double share = progress / warm_up;
    return shape == WarmUp::linear ? std::lerp(start, max_rate, share) : cosine_between(start, max_rate, share);
  }
  const double share = warm_up < 1 ? (progress - warm_up) / (1 - warm_up) : 0;
  return cosine_between(max_rate, max_rate * end_factor, share);
}

double scheduled_rate(Schedule schedule, double rate, double progress) {
  if (schedule == Schedule::step) return StepSchedule{.rate = rate}.rate_at(progress);
  return OneCycleSchedule{.max_rate = rate}.rate_at(progress);
}

double policy_learning_rate(double rate, int epoch) { return rate * std::pow(0.9, epoch / 4); }

double linear_decay(double start, double progress, double end) {
  return end > 0 ? start * std::max(0.0, 1 - progress / end) : 0.0;
}

}  // namespace cascadecl
