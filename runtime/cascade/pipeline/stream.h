#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/cascade/pipeline/pipeline.h"

namespace cascadecl {

// The answer of a stream to an image.
struct StreamAnswer {
  std::uint64_t number = 0;  // 0, 1, ... in the order of push()
  int exit_stage = 0;
  std::vector<float> answer;  // [classes], sums to 1; see Combine
  double latency_ms = 0;      // from its arrival until it left the cascade
  int label() const;          // the first of the largest values
};

// A cascade that takes images one by one as they come and gives their answers back in the same order.
//   CascadeStream stream(model, devices, {.capacity = 512, .max_delay = std::chrono::milliseconds(5)});
//   one thread:      for (...) stream.push(image);  stream.close();
//   the same or another:  while (auto answer = stream.pop()) use(*answer);
// capacity bounds the images that wait or are being run, not the answers that nobody has fetched yet.
class CascadeStream {
 public:
  using Clock = std::chrono::steady_clock;

  // Throws what CascadePipeline throws.
  CascadeStream(const Model& model, const std::vector<Device>& devices, const PipelineSettings& settings);
  ~CascadeStream();
  CascadeStream(CascadeStream&&) noexcept;
  CascadeStream& operator=(CascadeStream&&) noexcept;

  void warm_up();  // throws as pop() does
  // Copies the image uint8 [C][H][W]. Waits while the stream is full, and returns whether it had to. arrival: when its
  // latency begins; now if not given. label: the true one, for policies that read it. Throws ShapeError if the size is
  // wrong, or what pop() throws.
  bool push(std::span<const std::uint8_t> image, std::optional<std::int32_t> label = {},
            Clock::time_point arrival = {});
  void close();  // no more push()
  // Waits for the next answer; nothing after the last one. Throws DeviceError as CascadePipeline::next() does.
  std::optional<StreamAnswer> pop();
  PipelineStatistics statistics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
