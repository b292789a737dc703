#include "runtime/study/tradeoff/cascade_warnings.h"

#include <fmt/format.h>

#include <algorithm>

namespace cascadecl {

std::vector<std::string> cascade_warnings(const std::vector<StageUse>& stages, double mmac_per_image, double top1) {
  constexpr double kFew = 0.01, kPoints = 0.5;
  std::vector<std::string> warnings;
  for (std::size_t k = 1; k < stages.size(); ++k) {
    const StageUse& stage = stages[k];
    const bool few = stage.entered < kFew;
    if (!few && stage.entered <= 1 - kFew) continue;
    warnings.push_back(fmt::format("stage {} ({}) gets {:.1f} % of the images: {}", k, stage.network,
                                   100 * stage.entered, few ? "it is hardly used" : "no stage before it stops them"));
    if (few) break;  // nor are those behind it
  }
  if (stages.empty() || std::ranges::any_of(stages, [](const StageUse& s) { return !s.top1; })) return warnings;
  const StageUse& best = *std::ranges::max_element(stages, {}, [](const StageUse& s) { return *s.top1; });
  if (mmac_per_image > best.mmac)
    warnings.push_back(fmt::format("the cascade costs {:.2f} million multiply-adds an image, {} alone {:.2f}",
                                   mmac_per_image, best.network, best.mmac));
  if (100 * (*best.top1 - top1) > kPoints)
    warnings.push_back(fmt::format("the cascade answers {:.2f} % right, {} alone {:.2f} %", 100 * top1, best.network,
                                   100 * *best.top1));
  return warnings;
}

}  // namespace cascadecl
