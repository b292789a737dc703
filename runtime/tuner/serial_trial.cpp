#include "runtime/tuner/serial_trial.h"

#include <chrono>

#include "runtime/statistics.h"
#include "runtime/tuner/network_workload.h"
#include "runtime/tuner/random_activation.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kFewest = 3, kMost = 25;                // turns
constexpr std::chrono::milliseconds kLongEnough{50};  // for the turns of one network, unless they are too few
constexpr double kLongImageMs = 10;                   // a hundred times what waking a thread takes

// A network on one device, and the times of its runs.
class Runner {
 public:
  Runner(const Device& device, const Network& network, Precision precision)
      : device_(device),
        work_(inference_work(device, network, 1, random_activation(device, network.input_shape(), 1, 0, precision))) {
    run();  // drivers may build now
    times_ = {};
  }

  void run() {
    const auto start = Clock::now();
    work_.step();
    device_.finish();
    times_.values.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }

  double median_ms() const { return times_.median(); }

 private:
  Device device_;
  NetworkWorkload work_;
  Sample times_;
};

SerialTrial take_turns(Runner& threads, Runner serial) {
  const auto start = Clock::now();
  for (int turn = 0; turn < kFewest || (turn < kMost && Clock::now() - start < kLongEnough); ++turn) {
    threads.run();
    serial.run();
  }
  return {threads.median_ms(), serial.median_ms()};
}

}  // namespace

SerialTrial try_serial(const Device& threads, const Device& serial, const std::vector<Network>& networks,
                       Precision precision) {
  SerialTrial trial;
  double share = 1;  // of the images that come to a network
  for (const Network& network : networks) {
    Runner with_threads(threads, network, precision);
    with_threads.run();
    const SerialTrial of_network = with_threads.median_ms() > kLongImageMs
                                       ? SerialTrial{with_threads.median_ms(), with_threads.median_ms()}
                                       : take_turns(with_threads, Runner(serial, network, precision));
    trial.threads_ms += share * of_network.threads_ms;
    trial.serial_ms += share * of_network.serial_ms;
    share /= 2;
  }
  return trial;
}

}  // namespace cascadecl
