#pragma once
#include <concepts>

#include "data/files/error.h"
#include "runtime/opencl/device.h"
#include "runtime/opencl/half.h"
#include "runtime/ops/layout.h"

namespace cascadecl {

// Memory of an activation on one device, as floats or as halves. An array of either converts to it. A copy is another
// handle on the same memory.
class ActivationArray {
 public:
  ActivationArray() = default;
  ActivationArray(cl::Buffer buffer, std::size_t size, Precision precision)
      : buffer_(std::move(buffer)), size_(size), precision_(precision) {}
  template <std::convertible_to<const Array<float>&> Floats>
  ActivationArray(const Floats& floats) {
    const Array<float>& array = floats;
    *this = ActivationArray(array.buffer(), array.size(), Precision::fp32);
  }
  template <std::convertible_to<const Array<Half>&> Halves>
  ActivationArray(const Halves& halves) {
    const Array<Half>& array = halves;
    *this = ActivationArray(array.buffer(), array.size(), Precision::fp16);
  }

  const cl::Buffer& buffer() const { return buffer_; }
  std::size_t size() const { return size_; }  // elements
  bool empty() const { return size_ == 0; }
  Precision precision() const { return precision_; }
  std::size_t bytes() const { return size_ * element_bytes(precision_); }

  // The same memory as an array; throws ShapeError if it holds the other kind of elements.
  Array<float> floats() const { return as<float>(Precision::fp32); }
  Array<Half> halves() const { return as<Half>(Precision::fp16); }

 private:
  template <class T>
  Array<T> as(Precision wanted) const {
    if (precision_ != wanted && !empty()) throw ShapeError("activation: it holds elements of another precision");
    return {buffer_, size_};
  }

  cl::Buffer buffer_;
  std::size_t size_ = 0;
  Precision precision_ = Precision::fp32;
};

inline ActivationArray allocate_activation(const Device& device, std::size_t size, Precision precision) {
  if (precision == Precision::fp16) return device.allocate<Half>(size);
  return device.allocate<float>(size);
}

}  // namespace cascadecl
