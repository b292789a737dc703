#include "runtime/energy/sensor_meter.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cascadecl {
namespace {

std::vector<EnergyDomain> domains_of(const std::vector<Sensor>& sensors) {
  std::vector<EnergyDomain> domains;
  for (const Sensor& sensor : sensors) domains.push_back(sensor.domain);
  return domains;
}

}  // namespace

SensorMeter::SensorMeter(std::vector<Sensor> sensors, std::function<double()> clock, double update_period_s)
    : EnergyMeter(domains_of(sensors)), clock_(std::move(clock)), update_period_s_(update_period_s) {
  for (Sensor& sensor : sensors) channels_.push_back({std::move(sensor)});
}

// Power is read twice a period, so that no value is missed; a count may wait.
double SensorMeter::sample_interval_s() const {
  const bool power = std::any_of(channels_.begin(), channels_.end(),
                                 [](const Channel& c) { return c.sensor.kind == Sensor::Kind::power; });
  return power ? std::min(1.0, update_period_s_ / 2) : 1;
}

double SensorMeter::start() {
  last_time_s_ = clock_();
  for (Channel& channel : channels_) {
    channel.first = channel.last = channel.sensor.read();
    channel.energy_j = 0;
  }
  return last_time_s_;
}

MeterReading SensorMeter::read() {
  MeterReading reading{clock_(), {}};
  const double gap_s = reading.time_s - std::exchange(last_time_s_, reading.time_s);
  for (Channel& channel : channels_) {
    advance(channel, gap_s);
    reading.energy_j.push_back(channel.energy_j);
  }
  return reading;
}

void SensorMeter::advance(Channel& channel, double gap_s) const {
  const std::uint64_t now = channel.sensor.read();
  if (channel.sensor.kind == Sensor::Kind::power) {
    const double sum = static_cast<double>(channel.last) + static_cast<double>(now);
    channel.energy_j += gap_s * channel.sensor.unit * sum / 2;
  } else if (now < channel.last) {
    const EnergyDomain& domain = channel.sensor.domain;
    throw MeterReadError({domain.source, domain.path,
                          fmt::format("the counter went backwards, from {} to {}: it was reset", channel.last, now),
                          ""});
  } else {
    channel.energy_j = static_cast<double>(now - channel.first) * channel.sensor.unit;
  }
  channel.last = now;
}

}  // namespace cascadecl
