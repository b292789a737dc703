#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/report/model_run.h"

namespace cascadecl {

// What a report tells of one model: its stages, and, with a run over a dataset, accuracy and cost, the accuracy matrix
// and shares per exit, calibration and examples; its training.
struct MeasuredModel {
  std::string data;  // "FILE:split"
  const Dataset* dataset = nullptr;
  const ModelRun* run = nullptr;
  std::string devices, precision;
  int batch_size = 0;
  std::string stop, combine;
};
nlohmann::ordered_json model_json(const std::string& file, const Model& model,
                                  const std::optional<MeasuredModel>& measured);

}  // namespace cascadecl
