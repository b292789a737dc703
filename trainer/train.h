#pragma once
#include <filesystem>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/model.h"
#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"
#include "trainer/observer.h"
#include "trainer/settings.h"

namespace cascadecl {

struct TrainResult {
  bool complete = false;  // false: the observer asked to stop; the checkpoint continues from there
  Model model;
  int batch_size = 0;  // images that fit into the device's memory at once, at most the batch size of the settings
};

// Trains a cascade on a training split in up to three phases, as the settings ask: pretrain (each stage alone,
// cross-entropy), policy (stages frozen), joint (stages and policies). A share of the images is held out from the
// stages: policies learn on those. At the end the stages may learn from these, too, see Refit. The images are seen as
// training_data() (training_data.h) has them: as the model that the training goes on from counts its classes.
//   devices     at least one, all different: the first runs all phases, the others pretrain stages beside it. Devices
//               of one kind give the same result as one of them alone
//   initial     stages to start from, and policies if their number fits; settings.stages then only names them. Without
//               it settings.stages are built and initialised
//   checkpoint  written after every epoch and when the observer stops the training; empty: none
//   resume      go on from the checkpoint file, bit-identical to a training that was never interrupted
//   meters      where energy is measured, if TrainSettings::cost asks for it
// Throws DeviceError if TrainSettings::micro_batch does not fit into the device's memory, naming the largest that does;
// UsageError for settings that do not fit, among them a checkpoint of other settings; MeasurementError, before any
// training, if TrainSettings::cost asks for energy that cannot be measured; TrainingError if the loss is not finite
// (the last checkpoint is kept); FileError; OutputError.
TrainResult train(const TrainSettings& settings, const Dataset& data, const std::vector<Device>& devices,
                  TrainObserver& observer, const std::filesystem::path& checkpoint = {}, bool resume = false,
                  const std::optional<Model>& initial = {}, const MeterEnvironment& meters = {});
TrainResult train(const TrainSettings& settings, const Dataset& data, const Device& device, TrainObserver& observer,
                  const std::filesystem::path& checkpoint = {}, bool resume = false,
                  const std::optional<Model>& initial = {}, const MeterEnvironment& meters = {});

}  // namespace cascadecl
