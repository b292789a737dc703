#include "runtime/tuning/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "data/error.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;

// Winograd's transforms round by 1e-5 of the largest element, and sums of thousands of gradients somewhat more; a wrong
// index gives differences of the size of the elements.
constexpr double tolerance = 1e-3;
constexpr double least_gain = 0.02;      // of the time, before values are preferred to those that hold now
constexpr double shortest_run_ms = 2.0;  // runs are repeated until they take so long
constexpr int rounds = 5, final_rounds = 9;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// One candidate, built, checked and ready to be timed.
struct Contestant {
  TuningValues values;
  std::unique_ptr<Trial> trial;
};

class JobRun {
 public:
  JobRun(const Device& device, const TuningJob& job, Clock::time_point end)
      : device_(device),
        job_(job),
        end_(end),
        result_{.key = job.key, .layers = job.layers, .candidates = job.candidates.size()} {
    result_.default_values = job.candidates.front();
    result_.best.complete = false;
  }

  TuningResult& result() { return result_; }

  // False if time did not suffice for a single comparison, or if the default itself fails.
  bool run(const std::function<void()>& progress) {
    measure_reference();
    Contestant standard = build(job_.candidates.front());
    if (!standard.trial) return false;
    ++result_.tried;
    calibrate(*standard.trial);
    Contestant best;
    for (std::size_t i = 1; i < job_.candidates.size() && !late(); ++i) {
      progress();
      Contestant other = build(job_.candidates[i]);
      ++result_.tried;
      Contestant& holder = best.trial ? best : standard;
      if (other.trial && is_faster(other, holder)) best = std::move(other);
    }
    result_.best.complete = result_.tried == job_.candidates.size();
    decide(standard, best);
    return true;
  }

 private:
  // Whether another candidate would end after the time that was given.
  bool late() const { return Clock::now() + longest_build_ >= end_; }

  void measure_reference() {
    const std::unique_ptr<Trial> reference = job_.make(device_, KernelClass::reference);
    reference->run(job_.checked_images);
    expected_ = reference->results(job_.checked_images);
  }

  // Without a trial if the candidate is rejected.
  Contestant build(const TuningValues& values) {
    const auto start = Clock::now();
    Contestant contestant = build_checked(values);
    longest_build_ = std::max(longest_build_, Clock::now() - start);
    return contestant;
  }

  Contestant build_checked(const TuningValues& values) {
    Contestant contestant{values, nullptr};
    try {
      const Device trial_device =
          device_.with_tuning(Tuning({{TuningSource::user, {{job_.key, TuningEntry{.values = values}}}}}));
      contestant.trial = job_.make(trial_device, KernelClass::automatic);
      contestant.trial->run(job_.checked_images);
      const double difference = relative_difference(expected_, contestant.trial->results(job_.checked_images));
      if (difference <= tolerance) return contestant;
      reject(values, fmt::format("differs from the reference by {:.2g} of its largest value", difference));
    } catch (const DeviceError& error) {
      const std::string text = error.what();
      reject(values, text.substr(0, text.find('\n')));
    }
    contestant.trial.reset();
    return contestant;
  }

  void reject(const TuningValues& values, const std::string& why) {
    result_.rejected.push_back(fmt::format("{}: {}", to_string(values), why));
  }

  double time_ms(Trial& trial) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats_; ++i) trial.run(job_.images);
    device_.finish();
    return milliseconds_since(start) / repeats_;
  }

  void calibrate(Trial& trial) {
    time_ms(trial);
    const double once = std::max(time_ms(trial), 1e-3);
    repeats_ = static_cast<int>(std::clamp(std::ceil(shortest_run_ms / once), 1.0, 1000.0));
  }

  // In turns with the one that holds; given up as soon as it is clearly slower.
  bool is_faster(Contestant& other, Contestant& holder) {
    std::vector<double> its, theirs;
    device_.finish();
    for (int round = 0; round < rounds; ++round) {
      theirs.push_back(time_ms(*holder.trial));
      its.push_back(time_ms(*other.trial));
      if (std::ranges::min(its) > 1.25 * std::ranges::min(theirs)) return false;
    }
    return median(its) < (1 - least_gain) * median(theirs);
  }

  // The times that are reported, of the best and the default in turns.
  void decide(Contestant& standard, Contestant& best) {
    std::vector<double> standard_ms, best_ms;
    for (int round = 0; round < final_rounds; ++round) {
      standard_ms.push_back(time_ms(*standard.trial));
      if (best.trial) best_ms.push_back(time_ms(*best.trial));
    }
    result_.best.default_ms = median(standard_ms);
    const bool better = best.trial && median(best_ms) < (1 - least_gain) * *result_.best.default_ms;
    result_.best.values = better ? best.values : standard.values;
    result_.best.ms = better ? median(best_ms) : *result_.best.default_ms;
  }

  Device device_;
  const TuningJob& job_;
  Clock::time_point end_;
  Clock::duration longest_build_{};
  int repeats_ = 1;
  std::vector<std::vector<float>> expected_;
  TuningResult result_;
};

// Whether an entry needs no second look: all candidates were tried, and it is one of them.
bool is_settled(const TuningJob& job, const TuningEntry& entry) {
  return entry.complete && std::ranges::find(job.candidates, entry.values) != job.candidates.end();
}

TuningResult known_result(const TuningJob& job, const TuningEntry& entry) {
  return {.key = job.key,
          .layers = job.layers,
          .default_values = job.candidates.front(),
          .best = entry,
          .candidates = job.candidates.size(),
          .rejected = {},
          .known = true};
}

}  // namespace

double relative_difference(const std::vector<std::vector<float>>& expected,
                           const std::vector<std::vector<float>>& actual) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (expected.size() != actual.size()) return infinity;
  double worst = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    if (expected[k].size() != actual[k].size()) return infinity;
    double size = 1e-30, difference = 0;
    for (std::size_t i = 0; i < expected[k].size(); ++i) {
      const double e = static_cast<double>(expected[k][i]), a = static_cast<double>(actual[k][i]);
      if (!std::isfinite(a)) return infinity;
      size = std::max(size, std::abs(e));
      difference = std::max(difference, std::abs(e - a));
    }
    worst = std::max(worst, difference / size);
  }
  return worst;
}

std::vector<TuningResult> tune(const Device& device, const std::vector<TuningJob>& jobs, const TuningTable& known,
                               const TunerSettings& settings) {
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings.seconds));
  std::vector<TuningResult> results;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto found = known.find(jobs[i].key);
    if (found != known.end() && is_settled(jobs[i], found->second) && !settings.again) {
      results.push_back(known_result(jobs[i], found->second));
      continue;
    }
    if (Clock::now() >= end) continue;
    JobRun run(device, jobs[i], end);
    const auto progress = [&] {
      if (settings.progress) settings.progress(i, run.result());
    };
    progress();
    if (!run.run(progress)) continue;
    results.push_back(run.result());
    if (settings.finished) settings.finished(run.result());
  }
  return results;
}

}  // namespace cascadecl
