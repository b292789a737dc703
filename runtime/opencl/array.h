#pragma once
#include <cstddef>

#include "runtime/opencl/opencl.h"

namespace cascadecl {

// Memory of `size` elements on one device. A copy is another handle on the same memory.
template <class T>
class Array {
 public:
  Array() = default;
  Array(cl::Buffer buffer, std::size_t size) : buffer_(std::move(buffer)), size_(size) {}
  const cl::Buffer& buffer() const { return buffer_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  cl::Buffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace cascadecl
