#pragma once
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// predict --stream: names of image files from standard input, a line of JSON for each on standard output, in the same
// order. Throws FileError for a file that is no such image, after the answers to those before it; what a device, and
// OutputError what standard output refuses, at once, though standard input stays open.
void predict_stream(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                    double max_delay_ms);

}  // namespace cascadecl
