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

std::vector<double> relative_costs(const Model& model, CostUnit unit, const Device& device, const Dataset& data,
                                   int batch_size, const MeterEnvironment& environment) {
  if (unit == CostUnit::mac) return relative_costs(model);
  std::vector<double> costs = measured_costs(unit, model, device, data, {.max_batch = batch_size}, environment).stages;
  const double largest = *std::ranges::max_element(costs);
  for (double& cost : costs) cost /= largest;
  return costs;
}

}  // namespace cascadecl
