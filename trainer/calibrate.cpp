#include "trainer/calibrate.h"

#include <algorithm>

#include "runtime/study/answers/calibration.h"
#include "runtime/study/answers/reliability.h"
#include "trainer/exit_functions.h"

namespace cascadecl {
namespace {

std::span<const float> rows_of(const CascadeTable& table, std::size_t stage) {
  const std::size_t row = table.images() * table.probabilities.classes;
  return std::span<const float>(table.probabilities.values).subspan(stage * row, row);
}

void temper(CascadeTable& table, std::size_t stage, double temperature) {
  StageProbabilities& p = table.probabilities;
  for (std::size_t i = 0; i < p.images; ++i) {
    const std::vector<float> row = tempered(p.row(stage, i), temperature);
    std::ranges::copy(row, p.values.begin() + static_cast<std::ptrdiff_t>((stage * p.images + i) * p.classes));
  }
}

}  // namespace

Model before_calibration(Model model, const CalibrationSettings& settings) {
  if (settings.temperatures) {
    model.temperatures.clear();
    model.decision.reset();
    model.frontier = {};
  }
  return model;
}

Calibration calibrate(Model model, CascadeTable table, const Device& device, const CalibrationSettings& settings) {
  Calibration result{.model = before_calibration(std::move(model), settings), .table = std::move(table)};
  Model& fitted = result.model;
  result.table.combination = fitted.combination;
  CascadeTable& seen = result.table;
  for (std::size_t k = 0; k < seen.stages(); ++k) {
    StageCalibration stage{.nll_before = negative_log_likelihood(rows_of(seen, k), seen.labels),
                           .ece_before = reliability(rows_of(seen, k), seen.labels).expected_calibration_error};
    if (settings.temperatures) {
      stage.temperature = fit_temperature(rows_of(seen, k), seen.labels);
      fitted.temperatures.push_back(stage.temperature);
      temper(seen, k, stage.temperature);
    } else if (!fitted.temperatures.empty()) {
      stage.temperature = fitted.temperatures[k];
    }
    stage.nll_combined = stage.nll_after = negative_log_likelihood(rows_of(seen, k), seen.labels);
    stage.ece_after = reliability(rows_of(seen, k), seen.labels).expected_calibration_error;
    result.stages.push_back(stage);
  }
  if (settings.combination) {
    fitted.combination = seen.combination = fit_combination(seen.probabilities, seen.labels);
    for (std::size_t k = 0; k < seen.stages(); ++k)
      result.stages[k].nll_combined =
          combined_negative_log_likelihood(seen.probabilities, seen.labels, k, fitted.combination);
  }
  if (settings.exit_functions && seen.stages() > 1)
    fitted.exit_functions = fit_exit_functions(seen, device, settings.phase);
  seen = with_policies(std::move(seen), fitted.policies, device);
  return result;
}

}  // namespace cascadecl
