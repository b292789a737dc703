#pragma once
#include <compare>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cascadecl {

// The values of a kernel's tunables, by the names of its defines: {{"TILE_ROWS", 2}, {"K_GROUP", 1}}.
using TuningValues = std::vector<std::pair<std::string, int>>;
std::string to_string(const TuningValues& values);  // "TILE_ROWS=2 K_GROUP=1", empty for a kernel without tunables

// Where the values that run come from: a file of the user's own measurements, the defaults shipped for the class of
// device, or the rule in the kernel's parameter struct.
enum class TuningSource { user, shipped, heuristic };
std::string_view to_string(TuningSource source);

// Batch sizes that share their tuning. Few images cannot fill a device on which each image is one work-item.
enum class BatchClass { one, few, many };  // 1, 2 to 15, 16 and more
BatchClass batch_class(int max_batch);
std::string_view to_string(BatchClass batch);  // "1", "2-15", "16+"

// What values are valid for: one kernel on one geometry. Convolutions give their geometry. A dense layer counts as a
// 1x1 convolution, and a row of values as that many channels.
struct TuningKey {
  std::string kernel;     // its name in kernels/: "conv_winograd"
  std::string operation;  // "forward", "data" (gradient by the input), "filter" (by the weights), "both"; "add_views"
  int in_channels = 0, height = 1, width = 1;
  int out_channels = 0, kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;
  int channel_block = 1;  // of the device
  BatchClass batch = BatchClass::many;
  auto operator<=>(const TuningKey&) const = default;  // NOLINT(modernize-use-nullptr)
};
std::string to_string(const TuningKey& key);  // "conv_winograd forward [16,32,32] -> 16, 3x3, ..., batch 16+"

}  // namespace cascadecl
