#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/bench/kernel_items.h"
#include "tests/bench/roofline.h"
#include "tests/bench/suite.h"
#include "tests/bench/timing.h"

// Each kernel beside what the device can do at most, measured in the same rounds.
namespace cascadecl::bench {

std::string text_of(ImageShape shape) { return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width); }

Table kernels(const Device& device, const Settings& settings) {
  const int batch = settings.smoke ? 4 : 128;
  std::vector<KernelItem> items;
  for (auto* make : {convolution_items, residual_block_items, other_items}) {
    std::vector<KernelItem> more = make(device, batch, settings.smoke);
    std::ranges::move(more, std::back_inserter(items));
  }
  const Roofline roofline(device);
  std::vector<std::function<void()>> runs = {roofline.multiply_add(), roofline.copy()};
  for (const KernelItem& item : items) runs.push_back(item.run);
  const std::vector<double> seconds = medians(device, runs, settings.seconds);
  const double peak = roofline.flop() / seconds[0], bandwidth = roofline.copy_bytes() / seconds[1];

  Table table(
      fmt::format("Kernels, batch {}: the device's peak is {:.0f} GFLOP/s of multiply-adds, {:.1f} GB/s of copy", batch,
                  peak / 1e9, bandwidth / 1e9),
      {{"operation", "operation"},
       {"variant", "variant"},
       {"shape", "shape"},
       {"ms", "ms", 3},
       {"gflops", "GFLOP/s", 0},
       {"peak_percent", "% of peak", 0},
       {"gb_per_s", "GB/s", 1},
       {"copy_percent", "% of copy", 0}});
  for (std::size_t i = 0; i < items.size(); ++i) {
    const KernelItem& item = items[i];
    const double time = seconds[i + 2];
    nlohmann::ordered_json row = {{"operation", item.operation},
                                  {"variant", item.variant},
                                  {"shape", item.shape},
                                  {"batch", batch},
                                  {"ms", time * 1e3},
                                  {"gflops", nullptr},
                                  {"peak_percent", nullptr}};
    if (item.flop > 0) {
      row["gflops"] = item.flop / time / 1e9;
      row["peak_percent"] = 100 * item.flop / time / peak;
    }
    row["gb_per_s"] = item.bytes / time / 1e9;
    row["copy_percent"] = 100 * item.bytes / time / bandwidth;
    table.add(row);
  }
  return table;
}

}  // namespace cascadecl::bench
