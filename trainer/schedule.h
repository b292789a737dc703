#pragma once
#include <vector>

namespace cascadecl {

// Learning rates and other settings that change during a training. They are pure functions of progress: the share of
// the phase that is done, from 0 (first step) to 1 (end).

// rate * factor^(milestones passed). He et al. 2016 divide by 10 at half and at three quarters of the training.
struct StepSchedule {
  double rate = 0.1;
  std::vector<double> milestones = {0.5, 0.75};  // ascending, in 0..1; a milestone counts as passed from there on
  double factor = 0.1;
  double rate_at(double progress) const;
};

// One cycle (Smith and Topin 2017): from max_rate * start_factor up to max_rate over the first `warm_up` of the
// training, then along a half cosine down to max_rate * end_factor. Momentum stays as it is.
struct OneCycleSchedule {
  enum class WarmUp { linear, cosine };
  double max_rate = 0.1;
  double warm_up = 0.3;  // share of the training, 0..1
  double start_factor = 0.04, end_factor = 1e-4;
  WarmUp shape = WarmUp::cosine;
  double rate_at(double progress) const;
};

// A stage's schedule by its name, and its rate with `rate` as the largest.
enum class Schedule { step, one_cycle };
double scheduled_rate(Schedule schedule, double rate, double progress);

// rate * 0.9^floor(epoch / 4), the paper's rate for the stopping policies (4.4). epoch counts from 0.
double policy_learning_rate(double rate, int epoch);

// start at progress 0, falling linearly to 0 at progress `end`, and 0 from there on.
double linear_decay(double start, double progress, double end = 0.8);

}  // namespace cascadecl
