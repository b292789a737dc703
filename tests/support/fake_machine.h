#pragma once
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// A machine whose time passes only by advance(), at a power that the test says.
class FakeMachine {
 public:
  void advance(double seconds, double watts) {
    time_s_ = time_s_ + seconds;
    energy_j_ = energy_j_ + seconds * watts;
    watts_ = watts;
  }
  double time_s() const { return time_s_; }
  double energy_j() const { return energy_j_; }
  // As of the last whole multiple of step_s, where the power has not changed since.
  double energy_j_at_step(double step_s) const { return energy_j_ - watts_ * std::fmod(time_s_.load(), step_s); }

 private:
  std::atomic<double> time_s_ = 0, energy_j_ = 0, watts_ = 0;
};

// Meters a FakeMachine. Each domain gets `share` of its energy; with `step_s` only what had come by the last multiple
// of that time, as of a counter that the hardware renews now and then.
class FakeMeter : public EnergyMeter {
 public:
  FakeMeter(const FakeMachine& machine, std::vector<EnergyDomain> domains, std::vector<double> shares)
      : EnergyMeter(std::move(domains)), machine_(machine), shares_(std::move(shares)) {}

  double update_period_s() const override { return update_period; }
  double sample_interval_s() const override { return 0.001; }

  double start() override {
    first_j_ = seen_j();
    return machine_.time_s();
  }

  MeterReading read() override {
    ++reads;
    reads.notify_all();
    if (on_read) on_read();
    MeterReading reading{machine_.time_s(), {}};
    for (const double share : shares_) reading.energy_j.push_back((seen_j() - first_j_) * share);
    return reading;
  }

  // Returns once read() has been called `count` times.
  void wait_for_reads(int count) const {
    for (int now = reads; now < count; now = reads) reads.wait(now);
  }

  double update_period = 0.001;
  double step_s = 0;
  std::atomic<int> reads = 0;
  std::function<void()> on_read;

 private:
  double seen_j() const { return step_s > 0 ? machine_.energy_j_at_step(step_s) : machine_.energy_j(); }

  const FakeMachine& machine_;
  std::vector<double> shares_;
  double first_j_ = 0;
};

}  // namespace cascadecl
