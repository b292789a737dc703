#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/report/model_run.h"

namespace cascadecl {

// What a report tells of one model: its stages, and, with a run over a dataset, accuracy and cost, the accuracy matrix
// and shares per exit, confusions, calibration and examples; its frontier, what is wrong with it, and its training.
struct MeasuredModel {
  std::string data;  // "FILE:split"
  const Dataset* dataset = nullptr;
  const ModelRun* run = nullptr;
  const ChosenCascade* cascade = nullptr;  // that ran
  std::string devices;
};
// model: as in its file.
nlohmann::ordered_json model_json(const std::string& file, const Model& model,
                                  const std::optional<MeasuredModel>& measured);

}  // namespace cascadecl
