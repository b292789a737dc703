#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {

// An image on its way through a cascade.
struct Passage {
  using Clock = std::chrono::steady_clock;

  std::uint64_t number = 0;                  // of the image, in its dataset or stream
  std::optional<std::int32_t> label;         // the true one, for policies that look at it
  std::span<const std::uint8_t> pixels;      // [C][H][W], not owned: valid until the passage has left the cascade
  std::vector<float> probabilities = {};     // [stages visited][classes] of the labels
  std::vector<float> stop_probability = {};  // [stages visited]

  std::size_t stage = 0;  // the one it waits for; once done the one it left at
  bool done = false;
  Clock::time_point submitted = {}, waiting_since = {}, finished = {};

  // The device that holds a copy of the pixels, and where.
  std::optional<std::size_t> device = {};
  std::size_t slot = 0;

  // The label probabilities of the first `stages` stages visited. Refer to the passage's memory.
  std::vector<std::span<const float>> rows(std::size_t stages, std::size_t classes) const;
  // The view of a policy on it, after its stage has written its row. Refers to the passage's memory.
  Visit visit(std::size_t classes) const;
};

}  // namespace cascadecl
