#pragma once
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/cascade_table.h"
#include "trainer/policy_phase.h"

namespace cascadecl {

// What is to be fitted on images that the stages were not fitted to.
struct CalibrationSettings {
  bool temperatures = true, combination = true, exit_functions = true;
  PolicyPhaseSettings phase;  // of the exit functions, see fit_exit_functions()
};

// What a stage alone says of those images.
struct StageCalibration {
  double temperature = 1;
  double nll_before = 0, nll_after = 0;  // negative log-likelihood, before and after the temperature
  double ece_before = 0, ece_after = 0;  // expected calibration error
  double nll_combined = 0;               // of the fitted combination at this exit; nll_after without one
};

struct Calibration {
  Model model;         // with what was fitted; its decision is dropped if temperatures were
  CascadeTable table;  // under the new temperatures and the model's own policies
  std::vector<StageCalibration> stages;
};

// The model with the temperatures that a calibration begins from: none if they are to be fitted, else its own.
Model before_calibration(Model model, const CalibrationSettings& settings);

// Fits on a table of before_calibration(model). Policies see the tempered probabilities, at test time too: policies
// that were trained on others are to be given a new threshold, or to be trained again.
Calibration calibrate(Model model, CascadeTable table, const Device& device, const CalibrationSettings& settings);

}  // namespace cascadecl
