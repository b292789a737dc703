#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/network/description.h"
#include "runtime/network/zoo.h"
#include "runtime/ops/trials/random_activation.h"
#include "runtime/tuner/network_workload.h"
#include "tests/bench/suite.h"
#include "tests/bench/timing.h"

// Whole networks: images a second of inference and of training steps.
namespace cascadecl::bench {

Table networks(const Device& device, const Settings& settings) {
  Table table("Networks", {{"network", "network"},
                           {"mode", "mode"},
                           {"batch", "batch", 0},
                           {"images_per_s", "images/s", 0},
                           {"step_ms", "ms a step", 2},
                           {"gflops", "GFLOP/s", 0}});
  const std::vector<std::string> names =
      settings.smoke ? std::vector<std::string>{"resnet-8"}
                     : std::vector<std::string>{"resnet-8", "resnet-20", "resnet-56", "resnet-110"};
  for (const std::string& name : names) {
    const Network network = make_network(name, {3, 32, 32}, 10);
    for (const int batch : settings.smoke ? std::vector<int>{8} : std::vector<int>{1, 8, 128}) {
      const Array<float> images = random_activation(device, network.input_shape(), batch, 0);
      const std::vector<double> seconds = medians(
          device,
          {inference_work(device, network, batch, images).step, training_work(device, network, batch, images).step},
          settings.seconds);
      for (std::size_t i = 0; i < 2; ++i) {
        const double flop = 2.0 * static_cast<double>(network.macs()) * batch * (i == 0 ? 1 : 3);
        table.add({{"network", name},
                   {"mode", i == 0 ? "infer" : "train"},
                   {"batch", batch},
                   {"images_per_s", batch / seconds[i]},
                   {"step_ms", seconds[i] * 1e3},
                   {"gflops", flop / seconds[i] / 1e9}});
      }
    }
  }
  return table;
}

}  // namespace cascadecl::bench
