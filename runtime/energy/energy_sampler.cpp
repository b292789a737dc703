#include "runtime/energy/energy_sampler.h"

#include <algorithm>
#include <chrono>

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration interval(const EnergyMeter& meter) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(meter.sample_interval_s()));
}

}  // namespace

EnergySampler::EnergySampler(const MeterList& meters) : meters_(meters) {
  for (const auto& meter : meters_) start_s_.push_back(meter->start());
  if (!meters_.empty()) thread_ = std::jthread([this](const std::stop_token& stopping) { sample(stopping); });
}

void EnergySampler::sample(const std::stop_token& stopping) try {
  std::vector<Clock::time_point> due;
  for (const auto& meter : meters_) due.push_back(Clock::now() + interval(*meter));
  std::unique_lock lock(mutex_);
  while (!stopping.stop_requested()) {
    wake_.wait_until(lock, stopping, *std::min_element(due.begin(), due.end()), [] { return false; });
    for (std::size_t i = 0; i < meters_.size() && !stopping.stop_requested(); ++i) {
      const Clock::time_point start = Clock::now();
      if (start < due[i]) continue;
      meters_[i]->read();
      const Clock::time_point end = Clock::now();
      sampling_s_ += std::chrono::duration<double>(end - start).count();
      due[i] = end + interval(*meters_[i]);
    }
  }
} catch (...) {
  failure_ = std::current_exception();
}

EnergyReading EnergySampler::stop() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (failure_) std::rethrow_exception(failure_);
  EnergyReading result{{}, sampling_s_};
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const MeterReading last = meters_[i]->read();
    const auto& domains = meters_[i]->domains();
    for (std::size_t d = 0; d < domains.size(); ++d)
      result.domains.push_back({domains[d], last.energy_j.at(d), last.time_s - start_s_[i]});
  }
  return result;
}

EnergyReading measure(const MeterList& meters, const std::function<void()>& work) {
  EnergySampler sampler(meters);
  work();
  return sampler.stop();
}

}  // namespace cascadecl
