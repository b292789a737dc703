#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "data/dataset.h"

namespace cascadecl {

// Batch size and epochs of a training for which nobody chose them. Few images want smaller batches, or there are hardly
// any steps, and more epochs:
//   batch size   128 from 10,000 images on, 64 from 4,000, 32 from 1,000, else 16
//   epochs       12 * sqrt(50,000 / images), rounded, 12 to 120
// So CIFAR and all that is larger get 128 and 12, and 2,000 images get 32 and 60.
struct TrainingLength {
  int batch_size = 128, epochs = 12;
  bool operator==(const TrainingLength&) const = default;
};
TrainingLength training_length(std::int64_t images);

// If one class has five times as many images as another one that has any: a line that tells both, and the remedy.
std::optional<std::string> uneven_classes(const Dataset& data);

}  // namespace cascadecl
