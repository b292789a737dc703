#pragma once
#include <optional>
#include <string>
#include <vector>

namespace cascadecl {

// A stage of a cascade as it was used.
struct StageUse {
  std::string network;
  double mmac = 0;             // of one image
  double entered = 0;          // share of all images
  std::optional<double> top1;  // of the stage alone on all images, where it is known
};

// What is wrong with a cascade on the images that it was measured on, one sentence each; empty if nothing is:
// - a stage gets less than 1 % of the images, or more than 99 % of them although others come before it;
// - it costs more than the best stage alone;
// - it is more than half a point less accurate than the best stage alone.
// The latter two only where the stages' accuracies are known. Costs in millions of multiply-adds an image.
std::vector<std::string> cascade_warnings(const std::vector<StageUse>& stages, double mmac_per_image, double top1);

}  // namespace cascadecl
