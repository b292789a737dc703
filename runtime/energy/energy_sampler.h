#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/energy/meter.h"

namespace cascadecl {

// Energy of one domain in a window; the window is the time between the first and last read of its own meter.
struct DomainEnergy {
  EnergyDomain domain;
  double energy_j = 0;
  double window_s = 0;
};

// In the order of the meters and their domains. Empty without meters.
struct EnergyReading {
  std::vector<DomainEnergy> domains;
  double sampling_s = 0;  // time that the thread spent reading the meters
};

// Measures the energy of a window of time. While it lives, a thread reads each meter at the interval that the meter
// asks for, so that no wrap is missed. The meters must outlive it, and nobody else may use them until it is stopped or
// destroyed.
class EnergySampler {
 public:
  // Starts the meters and the window. Throws MeterReadError.
  explicit EnergySampler(const MeterList& meters);
  ~EnergySampler() = default;  // ends the thread; the reading is lost
  EnergySampler(const EnergySampler&) = delete;
  EnergySampler& operator=(const EnergySampler&) = delete;

  // Ends the window; call once. Throws the MeterReadError of a read that failed, now or earlier.
  EnergyReading stop();

 private:
  void sample(const std::stop_token& stopping);

  const MeterList& meters_;
  std::vector<double> start_s_;
  std::exception_ptr failure_;  // written by the thread, read after it ended
  double sampling_s_ = 0;       // likewise
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: ends before what it uses
};

// Energy spent while work runs. Throws what work throws, or MeterReadError.
EnergyReading measure(const MeterList& meters, const std::function<void()>& work);

}  // namespace cascadecl
