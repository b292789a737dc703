#include "runtime/tuning/tuning_key.h"

#include <fmt/format.h>

namespace cascadecl {

std::string to_string(const TuningValues& values) {
  std::string text;
  for (const auto& [name, value] : values) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  return text;
}

std::string_view to_string(TuningSource source) {
  switch (source) {
    case TuningSource::user:
      return "user";
    case TuningSource::shipped:
      return "shipped";
    default:
      return "heuristic";
  }
}

BatchClass batch_class(int max_batch) {
  return max_batch == 1 ? BatchClass::one : max_batch < 16 ? BatchClass::few : BatchClass::many;
}

std::string_view to_string(BatchClass batch) {
  switch (batch) {
    case BatchClass::one:
      return "1";
    case BatchClass::few:
      return "2-15";
    default:
      return "16+";
  }
}

std::string to_string(const TuningKey& k) {
  return fmt::format("{} {} [{},{},{}] -> {}, {}x{}, stride {}, padding {}, block {}, batch {}", k.kernel, k.operation,
                     k.in_channels, k.height, k.width, k.out_channels, k.kernel_h, k.kernel_w, k.stride, k.padding,
                     k.channel_block, to_string(k.batch));
}

}  // namespace cascadecl
