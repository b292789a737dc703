#include "runtime/energy/measure_workloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <utility>

#include "data/files/random.h"

namespace cascadecl {
namespace {

void check(const std::vector<Workload>& workloads, const MeasureOptions& options) {
  if (workloads.empty()) throw UsageError("energy profile: nothing to measure");
  for (const Workload& workload : workloads)
    if (workload.images < 1)
      throw UsageError(fmt::format("energy profile: {} has {} images per run", workload.name, workload.images));
  if (options.repeats < 1 || !(options.window_s >= 0) || !(options.idle_s > 0))
    throw UsageError(
        fmt::format("energy profile: repeats ({}) and idle_s ({}) must be positive, window_s ({}) too or 0",
                    options.repeats, options.idle_s, options.window_s));
}

class Measuring {
 public:
  Measuring(const MeterList& meters, const std::vector<Workload>& workloads, const MeasureOptions& options)
      : meters_(meters), workloads_(workloads), options_(options), metered_(!meters.empty()) {
    if (!options_.clock) options_.clock = MeterEnvironment().clock;
    if (!options_.wait_s)
      options_.wait_s = [](double s) { std::this_thread::sleep_for(std::chrono::duration<double>(s)); };
    for (const auto& meter : meters) {
      const double shortest_s = meter->update_period_s() * options.periods_per_window;
      options_.window_s = std::max(options_.window_s, shortest_s);
      options_.idle_s = std::max(options_.idle_s, shortest_s);
    }
  }

  Measurement measure_all() {
    for (const Workload& workload : workloads_) result_.workloads.push_back({workload.name, {}});
    result_.idle_before = idle();
    for (const Workload& workload : workloads_)
      for (int i = 0; i < options_.warmup_runs; ++i) workload.run();
    for (int round = 0; round < options_.repeats; ++round) measure_round(round);
    if (options_.warm) options_.warm();
    result_.idle_after = idle();
    if (!metered_) forget_energy();
    return std::move(result_);
  }

 private:
  void measure_round(int round) {
    for (const std::size_t at : order_of(round)) {
      result_.workloads[at].windows.push_back(busy(workloads_[at]));
      if (options_.progress) options_.progress(++done_);
    }
  }

  std::vector<std::size_t> order_of(int round) const {
    RandomStream random(options_.seed, RandomPurpose::shuffle, static_cast<std::uint64_t>(round));
    std::vector<std::size_t> order(workloads_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[random.below(left)]);
    return order;
  }

  MeasurementWindow busy(const Workload& workload) {
    MeasurementWindow window;
    const double start_s = options_.clock();
    window.energy = metered([&] {
      double now_s = 0;
      do {
        workload.run();
        window.images += workload.images;
        now_s = options_.clock();
      } while (now_s < start_s + options_.window_s);
      window.seconds = now_s - start_s;
    });
    return window;
  }

  EnergyReading idle() {
    if (!metered_) return {};
    options_.wait_s(options_.settle_s);
    return metered([&] { options_.wait_s(options_.idle_s); });
  }

  // The work is done whatever becomes of its energy.
  EnergyReading metered(const std::function<void()>& work) {
    bool done = false;
    if (metered_) try {
        return measure(meters_, [&] {
          work();
          done = true;
        });
      } catch (const MeterReadError& error) {
        metered_ = false;
        result_.attempts.push_back(error.attempt);
      }
    if (!done) work();
    return {};
  }

  void forget_energy() {
    result_.idle_before = result_.idle_after = {};
    for (WorkloadWindows& workload : result_.workloads)
      for (MeasurementWindow& window : workload.windows) window.energy = {};
  }

  const MeterList& meters_;
  const std::vector<Workload>& workloads_;
  MeasureOptions options_;
  bool metered_;
  int done_ = 0;
  Measurement result_;
};

}  // namespace

Measurement measure_workloads(const MeterList& meters, const std::vector<Workload>& workloads,
                              const MeasureOptions& options) {
  check(workloads, options);
  return Measuring(meters, workloads, options).measure_all();
}

}  // namespace cascadecl
