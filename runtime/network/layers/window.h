#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl {

// How a convolution or a pool moves over an image: a kernel of kernel_h x kernel_w pixels every `stride` pixels, with
// `padding` pixels around the image, less than the kernel.
struct Window {
  int kernel_h = 1, kernel_w = 1, stride = 1, padding = 0;

  void visit(Attributes& attributes);
  std::string fault() const;
  // The shape that it gives, with this many channels. Throws ShapeError if it does not fit into the image.
  ImageShape output(const ImageShape& in, int channels) const;
  bool operator==(const Window&) const = default;
};

}  // namespace cascadecl
