#pragma once
#include <functional>
#include <memory>

#include "runtime/opencl/device.h"

namespace cascadecl::bench {

// Two kernels that show a device's limits; timed among others, they tell what share of the limits those reach.
class Roofline {
 public:
  explicit Roofline(const Device& device);
  std::function<void()> multiply_add() const;
  std::function<void()> copy() const;
  double flop() const;        // of a run of multiply_add
  double copy_bytes() const;  // read and written by a run of copy

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cascadecl::bench
