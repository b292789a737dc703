#pragma once
#include "runtime/opencl/array.h"

namespace cascadecl {

// The label probabilities of all stages on a device, the features that policies read, and the rows that a batch of n
// images takes from them.
struct BatchProbabilities {
  Array<float> values;  // [stages][rows][classes]
  int rows = 0;
  Array<int> images;  // image i of the batch is in row images[first + i]; if empty, in row first + i
  int first = 0;
  Array<float> features = {};  // [policies][rows * features of the widest policy], of them [rows][its features]
};

}  // namespace cascadecl
