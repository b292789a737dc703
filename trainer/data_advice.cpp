#include "trainer/data_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/foreign_text.h"

namespace cascadecl {

TrainingLength training_length(std::int64_t images) {
  const double wanted = std::round(12 * std::sqrt(50000 / std::max(1.0, static_cast<double>(images))));
  return {images >= 10000  ? 128
          : images >= 4000 ? 64
          : images >= 1000 ? 32
                           : 16,
          static_cast<int>(std::clamp(wanted, 12.0, 120.0))};
}

std::optional<std::string> uneven_classes(const Dataset& data) {
  const std::vector<std::string>& names = data.header().label_names;
  std::vector<std::int64_t> counts(names.size(), 0);
  for (const std::int32_t label : data.labels()) ++counts[static_cast<std::size_t>(label)];
  std::size_t most = 0, fewest = names.size();
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (counts[k] > counts[most]) most = k;
    if (counts[k] > 0 && (fewest == names.size() || counts[k] < counts[fewest])) fewest = k;
  }
  if (fewest == names.size() || counts[most] < 5 * counts[fewest]) return {};
  return fmt::format(
      "the classes are uneven: '{}' has {} images, '{}' has {}; with --class-weights balanced every class counts as "
      "much "
      "as any other",
      shown_line(names[most]), counts[most], shown_line(names[fewest]), counts[fewest]);
}

}  // namespace cascadecl
