#pragma once
#include <atomic>
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
  }
  double time_s() const { return time_s_; }
  double energy_j() const { return energy_j_; }

 private:
  std::atomic<double> time_s_ = 0, energy_j_ = 0;
};

// Meters a FakeMachine. Each domain gets `share` of its energy.
class FakeMeter : public EnergyMeter {
 public:
  FakeMeter(const FakeMachine& machine, std::vector<EnergyDomain> domains, std::vector<double> shares)
      : machine_(machine), domains_(std::move(domains)), shares_(std::move(shares)) {}

  const std::vector<EnergyDomain>& domains() const override { return domains_; }
  double update_period_s() const override { return update_period; }
  double sample_interval_s() const override { return 0.001; }

  double start() override {
    first_j_ = machine_.energy_j();
    return machine_.time_s();
  }

  MeterReading read() override {
    ++reads;
    if (on_read) on_read();
    MeterReading reading{machine_.time_s(), {}};
    for (const double share : shares_) reading.energy_j.push_back((machine_.energy_j() - first_j_) * share);
    return reading;
  }

  double update_period = 0.001;
  std::atomic<int> reads = 0;
  std::function<void()> on_read;

 private:
  const FakeMachine& machine_;
  std::vector<EnergyDomain> domains_;
  std::vector<double> shares_;
  double first_j_ = 0;
};

}  // namespace cascadecl
