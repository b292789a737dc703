#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// The answers of every stage to every image, whether a cascade would ask the stage or not.
struct StageProbabilities {
  std::size_t stages = 0, images = 0, classes = 0;
  std::vector<float> values;  // [stages][images][classes]
  std::span<const float> row(std::size_t stage, std::size_t image) const {
    return std::span<const float>(values).subspan((stage * images + image) * classes, classes);
  }
};

// All stages on the images at `indices`, in that order. Throws FileError if the dataset does not fit the model
// (dataset_of_model.h) or cannot be read, UsageError for an index out of range, DeviceError for probabilities that are
// no numbers. progress, if any, is told how many images are done, from 0 to indices.size(), now and then. Of the
// settings, max_batch, kernels and precision hold: no policy runs.
StageProbabilities label_probabilities(const Model& model, const Device& device, const Dataset& dataset,
                                       std::span<const std::int64_t> indices, const ExecutorSettings& settings = {},
                                       const std::function<void(std::int64_t done)>& progress = {});

// What enters the dense layer of each stage: [stages][images * features of the stage].
using StageFeatures = std::vector<std::vector<float>>;

// The same with the pooled features of every stage.
struct StageOutputs {
  StageProbabilities probabilities;
  StageFeatures features;  // empty unless asked for
};
StageOutputs stage_outputs(const Model& model, const Device& device, const Dataset& dataset,
                           std::span<const std::int64_t> indices, const ExecutorSettings& settings, bool features,
                           const std::function<void(std::int64_t done)>& progress = {});

}  // namespace cascadecl
