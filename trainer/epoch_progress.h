#pragma once
#include <cstdint>

namespace cascadecl {

// How far a stage, or a phase as a whole, is in its epochs.
struct EpochProgress {
  int epoch = 0;          // epochs that are complete
  std::int64_t step = 0;  // steps done of the current epoch
  // Sums over the images of the current epoch so far.
  double loss = 0, correct = 0;
};

}  // namespace cascadecl
