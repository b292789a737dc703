#include "trainer/relative_costs.h"

#include <algorithm>

namespace cascadecl {

std::vector<double> relative_costs(const Model& model) {
  const double largest = static_cast<double>(
      std::ranges::max(model.stages, {}, [](const Stage& s) { return s.network.macs(); }).network.macs());
  std::vector<double> costs;
  for (std::size_t i = 0; i < model.stages.size(); ++i) costs.push_back(model.stage_macs(i) / largest);
  return costs;
}

}  // namespace cascadecl
