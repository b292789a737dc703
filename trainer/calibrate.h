#pragma once
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/cascade_table.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

// What to fit, on images that the stages were not fitted to.
struct CalibrationSettings {
  bool temperatures = true, combination = true, exit_functions = true;
  PolicyPhaseSettings phase;  // of the exit functions, see fit_exit_functions()
};

// The quality of a stage alone on those images.
struct StageCalibration {
  double temperature = 1;
  double nll_before = 0, nll_after = 0;  // negative log-likelihood, before and after the temperature
  double ece_before = 0, ece_after = 0;  // expected calibration error
  double nll_combined = 0;               // of the fitted combination at this exit; nll_after without one
};

struct Calibration {
  Model model;         // with the fitted values; without its decision if temperatures were fitted
  CascadeTable table;  // under the new temperatures and the model's own policies
  std::vector<StageCalibration> stages;
};

// The model to begin a calibration with: without temperatures if they are to be fitted, else with its own.
Model before_calibration(Model model, const CalibrationSettings& settings);

// Fits on a table of before_calibration(model). Policies see the tempered probabilities from then on, at test time too.
// So policies that were trained on other probabilities need a new threshold, or need to be trained again.
Calibration calibrate(Model model, CascadeTable table, const Device& device, const CalibrationSettings& settings);

}  // namespace cascadecl
