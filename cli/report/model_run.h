#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/cascade_flags.h"
#include "data/dataset.h"
#include "runtime/study/answers/label_probabilities.h"
#include "runtime/study/runs/evaluation.h"

namespace cascadecl {

// What a report measures of a model on the images of a dataset. N images, K stages.
struct ModelRun {
  Evaluation evaluation;                // with static controls
  StageProbabilities probabilities;     // of every stage for every image
  std::vector<int> exits;               // [N]
  std::vector<int> answers;             // [N] the class answered
  std::vector<float> stop_probability;  // [K][N], NaN where not visited
  // Millijoules for an image of the cascade and of each stage alone; empty where unknown.
  std::optional<double> mj_per_image;
  std::vector<std::optional<double>> stage_mj_per_image;  // [K]
  std::string energy_reason;                              // why they are unknown; empty where they are known
};

// Runs the cascade as it was chosen, and each stage alone, on all images; `meters` says where energy counters are.
// progress is told how many images all passes have seen, of model_run_passes times N.
ModelRun run_model(const ChosenCascade& cascade, const std::vector<Device>& devices, const Dataset& dataset,
                   const MeterEnvironment& meters, const std::function<void(std::int64_t)>& progress);

inline constexpr int model_run_passes = 3;

}  // namespace cascadecl
