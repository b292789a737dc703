#include "runtime/tuner/tuner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "data/files/error.h"

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

// All uses of a key, built with one set of values or of the reference.
class Contestant {
 public:
  Contestant() = default;
  Contestant(const TuningJob& job, const Device& device, KernelClass kernels, TrialData& data) : device_(device) {
    for (const MakeTrial& make : job.uses) {
      trials_.push_back(
          make({.device = device, .kernels = kernels, .data = data, .images = job.images, .max_batch = job.max_batch}));
    }
  }
  explicit operator bool() const { return device_.has_value(); }  // false: rejected, or none
  void run(int n) {
    for (const Trial& trial : trials_) trial.run(n);
  }
  // What a run of n images wrote, a list for each array.
  std::vector<std::vector<float>> results(int n) const {
    std::vector<std::vector<float>> all;
    for (const Trial& trial : trials_) {
      for (const auto& [array, per_image] : trial.outputs) {
        const std::size_t floats = per_image > 0 ? static_cast<std::size_t>(n) * per_image : array.size();
        all.push_back(device_->read(array, floats));
      }
    }
    return all;
  }

 private:
  std::optional<Device> device_;
  std::vector<Trial> trials_;
};

int difference(const TuningValues& a, const TuningValues& b) {
  int count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i] ? 1 : 0;
  return count;
}

class JobRun {
 public:
  JobRun(const Device& device, const TuningJob& job)
      : device_(device),
        job_(&job),
        tried_(job.candidates.size(), false),
        result_{.key = job.key, .layers = job.layers, .candidates = job.candidates.size()} {
    result_.default_values = job.candidates.front();
    result_.best.complete = false;
  }

  const TuningResult& result() const { return result_; }
  bool done() const { return failed_ || result_.best.complete; }
  // What is left to do, in candidates: building reference and default takes about as long as some of them.
  double work_left() const {
    constexpr double start = 10;
    return start + static_cast<double>(job_->candidates.size() - result_.tried);
  }

  // Tries candidates until `share`, none that would end after `end`; one at least, unless it is the first time. False
  // if the default itself fails.
  bool run(Clock::time_point share, Clock::time_point end, const std::function<void()>& progress) {
    TrialData data(device_);
    measure_reference(data);
    Contestant standard = build(0, data), best;
    if (!standard) {
      failed_ = true;
      return false;
    }
    if (best_ != 0) best = build(best_, data);
    calibrate(standard);
    bool owed = std::exchange(again_, true);
    for (auto next = nearest_untried(); next && !ends_after(owed ? end : share); next = nearest_untried()) {
      owed = false;
      progress();
      Contestant other = build(*next, data);
      if (other && is_faster(other, best ? best : standard)) {
        best = std::move(other);
        best_ = *next;
      }
    }
    result_.best.complete = result_.tried == job_->candidates.size();
    decide(standard, best);
    return true;
  }

 private:
  // Whether another candidate would end after the time that was given.
  bool ends_after(Clock::time_point end) const { return Clock::now() + longest_build_ >= end; }

  // The candidate that differs in the fewest tunables from the best so far.
  std::optional<std::size_t> nearest_untried() const {
    const TuningValues& best = job_->candidates[best_];
    std::optional<std::size_t> nearest;
    int least = std::numeric_limits<int>::max();
    for (std::size_t i = 0; i < tried_.size(); ++i) {
      if (tried_[i] || difference(job_->candidates[i], best) >= least) continue;
      least = difference(job_->candidates[i], best);
      nearest = i;
    }
    return nearest;
  }

  void measure_reference(TrialData& data) {
    if (!expected_.empty()) return;
    Contestant reference(*job_, device_.with_tuning(Tuning()), KernelClass::reference, data);
    reference.run(job_->checked_images);
    expected_ = reference.results(job_->checked_images);
  }

  // None if the candidate is rejected.
  Contestant build(std::size_t candidate, TrialData& data) {
    const auto start = Clock::now();
    Contestant contestant = build_checked(job_->candidates[candidate], data);
    longest_build_ = std::max(longest_build_, Clock::now() - start);
    if (!tried_[candidate]) ++result_.tried;
    tried_[candidate] = true;
    return contestant;
  }

  Contestant build_checked(const TuningValues& values, TrialData& data) {
    try {
      const Device device =
          device_.with_tuning(Tuning({{TuningSource::user, {{job_->key, TuningEntry{.values = values}}}}}));
      Contestant contestant(*job_, device, KernelClass::automatic, data);
      contestant.run(job_->checked_images);
      const double difference = relative_difference(expected_, contestant.results(job_->checked_images));
      if (difference <= tolerance) return contestant;
      reject(values, fmt::format("differs from the reference by {:.2g} of its largest value", difference));
    } catch (const DeviceError& error) {
      const std::string text = error.what();
      reject(values, text.substr(0, text.find('\n')));
    }
    return {};
  }

  void reject(const TuningValues& values, const std::string& why) {
    result_.rejected.push_back(fmt::format("{}: {}", to_string(values), why));
  }

  double time_ms(Contestant& contestant) {
    const auto start = Clock::now();
    for (int i = 0; i < repeats_; ++i) contestant.run(job_->images);
    device_.finish();
    return milliseconds_since(start) / repeats_;
  }

  void calibrate(Contestant& contestant) {
    time_ms(contestant);
    const double once = std::max(time_ms(contestant), 1e-3);
    repeats_ = static_cast<int>(std::clamp(std::ceil(shortest_run_ms / once), 1.0, 1000.0));
  }

  // In turns with the one that holds; given up as soon as it is clearly slower.
  bool is_faster(Contestant& other, Contestant& holder) {
    std::vector<double> its, theirs;
    device_.finish();
    for (int round = 0; round < rounds; ++round) {
      theirs.push_back(time_ms(holder));
      its.push_back(time_ms(other));
      if (std::ranges::min(its) > 1.25 * std::ranges::min(theirs)) return false;
    }
    return median(its) < (1 - least_gain) * median(theirs);
  }

  // The times that are reported, of the best and the default in turns.
  void decide(Contestant& standard, Contestant& best) {
    std::vector<double> standard_ms, best_ms;
    for (int round = 0; round < final_rounds; ++round) {
      standard_ms.push_back(time_ms(standard));
      if (best) best_ms.push_back(time_ms(best));
    }
    result_.best.default_ms = median(standard_ms);
    const bool better = best && median(best_ms) < (1 - least_gain) * *result_.best.default_ms;
    result_.best.values = job_->candidates[better ? best_ : 0];
    result_.best.ms = better ? median(best_ms) : *result_.best.default_ms;
  }

  Device device_;
  const TuningJob* job_;
  Clock::duration longest_build_{};
  int repeats_ = 1;
  std::vector<std::vector<float>> expected_;
  std::vector<bool> tried_;
  std::size_t best_ = 0;
  bool failed_ = false, again_ = false;  // its default is wrong; it has run before
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
  std::map<std::size_t, TuningResult> results;         // by job
  std::map<std::size_t, JobRun, std::greater<>> open;  // the last first: jobs of little work, which end soon
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto found = known.find(jobs[i].key);
    const bool settled = found != known.end() && is_settled(jobs[i], found->second) && !settings.again;
    if (settled)
      results.emplace(i, known_result(jobs[i], found->second));
    else
      open.emplace(i, JobRun(device, jobs[i]));
  }
  while (!open.empty() && Clock::now() < end) {
    double work_left = 0;
    for (const auto& [i, run] : open) work_left += run.work_left();
    for (auto& [i, run] : open) {
      const auto now = Clock::now();
      if (now >= end) break;
      const auto share = now + std::chrono::duration_cast<Clock::duration>((end - now) * (run.work_left() / work_left));
      work_left -= run.work_left();
      const auto progress = [&settings, job = i, &running = run] {
        if (settings.progress) settings.progress(job, running.result());
      };
      progress();
      if (!run.run(share, end, progress)) continue;
      results.insert_or_assign(i, run.result());
      if (settings.finished) settings.finished(run.result());
    }
    std::erase_if(open, [](const auto& job) { return job.second.done(); });
  }
  std::vector<TuningResult> list;
  for (auto& [i, result] : results) list.push_back(std::move(result));
  return list;
}

}  // namespace cascadecl
