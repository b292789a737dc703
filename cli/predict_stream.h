#pragma once
#include <vector>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

class LineReader;

struct StreamPrediction {
  double max_delay_ms = 0;
  int top = 1;           // classes told of each image
  char name_end = '\n';  // after each name; a line may end in CR LF too
};

// predict --stream: takes names of image files from `names`, and prints a line of JSON for each on standard output, in
// the same order: its answer, or why it cannot be read. Throws FileError at the end if some could not. Throws what a
// device does, and OutputError what standard output refuses, at once, though more names may come.
void predict_stream(const Model& model, const std::vector<Device>& devices, const ExecutorSettings& settings,
                    LineReader& names, const StreamPrediction& asked);

}  // namespace cascadecl
