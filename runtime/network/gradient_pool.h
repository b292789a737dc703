#pragma once
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Memory for gradients, laid out once when a backward pass is planned: a buffer is handed out again when nobody holds
// it. Two tensors may hold the same buffer (both summands of an add have the gradient of the sum).
class GradientPool {
 public:
  explicit GradientPool(const Device& device) : device_(device) {}

  // A buffer of at least `floats`, held once; contents undefined.
  int take(std::size_t floats);
  void hold(int buffer) { ++at(buffer).holders; }
  void release(int buffer) { --at(buffer).holders; }
  bool shared(int buffer) { return at(buffer).holders > 1; }
  const Array<float>& operator[](int buffer) { return at(buffer).memory; }
  std::size_t bytes() const;

 private:
  struct Entry {
    Array<float> memory;
    int holders = 0;
  };
  Entry& at(int buffer) { return entries_[static_cast<std::size_t>(buffer)]; }
  Device device_;
  std::vector<Entry> entries_;
};

}  // namespace cascadecl
