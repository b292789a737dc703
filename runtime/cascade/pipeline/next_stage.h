#pragma once
#include <cstddef>
#include <optional>
#include <span>

namespace cascadecl {

// The images that wait for a stage, as the device that runs it sees them.
struct WaitingStage {
  std::size_t ready = 0;  // that it could run at once: they wait, it has room for them, and they are a window at most
  bool first = false;     // the cascade's first stage, which need not wait for others to fill its batch
  bool due = false;       // the oldest has waited as long as it may
  bool drained = false;   // no other image can come to this stage before these are run
};

// Which of a device's stages, in the order of the cascade, it runs next: a late one if it can run a whole window or its
// images are due, else the earliest one with a full batch, so that survivors of several batches pool and late stages
// run full. Nothing: it waits for more images. Something wherever a stage is drained, or due, or has a full batch.
std::optional<std::size_t> next_stage(std::span<const WaitingStage> stages, std::size_t batch, std::size_t window);

}  // namespace cascadecl
