#pragma once
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// Memory for tensors that are not all alive at once. It is laid out while a pass is planned, and allocated at the end.
// A buffer is handed out again when nobody holds it, and is as large as the largest tensor that it will hold. Two
// tensors may hold the same buffer: both summands of an add have the gradient of the sum.
class BufferPool {
 public:
  // A buffer of at least `floats`, held once, with undefined contents. Of the buffers that nobody holds it takes the
  // smallest that is large enough, else the largest, which grows.
  int take(std::size_t floats);
  // The same, but only a buffer of exactly this size is handed out again.
  int take_equal(std::size_t floats);
  // One more holder, who needs at least `floats`.
  void hold(int buffer, std::size_t floats = 0);
  void release(int buffer) { --at(buffer).holders; }
  bool shared(int buffer) const { return at(buffer).holders > 1; }

  // Gives every buffer its memory; once, when all are laid out.
  void allocate(const Device& device);
  const Array<float>& operator[](int buffer) const { return at(buffer).memory; }
  std::size_t bytes() const;

 private:
  struct Entry {
    std::size_t floats = 0;
    int holders = 0;
    Array<float> memory = {};
  };
  int take_or_add(int buffer, std::size_t floats);  // a new one below 0
  Entry& at(int buffer) { return entries_[static_cast<std::size_t>(buffer)]; }
  const Entry& at(int buffer) const { return entries_[static_cast<std::size_t>(buffer)]; }
  std::vector<Entry> entries_;
};

}  // namespace cascadecl
