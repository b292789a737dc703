#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// One number that the kernel offers.
//   energy  a count that only grows, in `unit` joules
//   power   in `unit` watts; integrated by trapezoids between the reads, which must then be frequent
struct Sensor {
  enum class Kind { energy, power };
  EnergyDomain domain;
  Kind kind = Kind::energy;
  double unit = 1;
  std::function<std::uint64_t()> read;  // throws MeterReadError
};

// A meter of such numbers. Counts are 64 bits wide and do not wrap; one that steps back is refused.
class SensorMeter : public EnergyMeter {
 public:
  // update_period_s: of the slowest sensor.
  SensorMeter(std::vector<Sensor> sensors, std::function<double()> clock, double update_period_s);

  double update_period_s() const override { return update_period_s_; }
  double sample_interval_s() const override;
  double start() override;
  MeterReading read() override;

 private:
  struct Channel {
    Sensor sensor;
    std::uint64_t first = 0, last = 0;
    double energy_j = 0;
  };
  void advance(Channel& channel, double gap_s) const;

  std::vector<Channel> channels_;
  std::function<double()> clock_;
  double update_period_s_;
  double last_time_s_ = 0;
};

}  // namespace cascadecl
