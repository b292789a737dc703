#pragma once
#include <cstddef>
#include <optional>
#include <span>

namespace cascadecl {

// The images that wait for a stage, from the view of the device that runs it.
struct WaitingStage {
  std::size_t ready = 0;  // it could run them at once: they wait, it has room for them, and they are a window at most
  bool first = false;     // the cascade's first stage, which need not wait for others to fill its batch
  bool due = false;       // the oldest has waited as long as it may
  bool drained = false;   // no other image can come to this stage before these are run
};

// Which of a device's stages, in the order of the cascade, it runs next; the first that applies:
//   1. the latest stage that can run a whole window
//   2. the latest stage whose images are due
//   3. the earliest stage with a full batch; the cascade's first stage with any image
//   4. the earliest drained stage
// So survivors of several batches pool, and late stages run full. Nothing if none applies: the device waits for more
// images.
std::optional<std::size_t> next_stage(std::span<const WaitingStage> stages, std::size_t batch, std::size_t window);

}  // namespace cascadecl
