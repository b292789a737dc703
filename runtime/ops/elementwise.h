#pragma once
#include "runtime/opencl/device.h"
#include "runtime/ops/view.h"

namespace cascadecl {

// Operations element by element on n images [n][C/b][H][W][b] of one shape, those of inference in any precision.
// Outputs are overwritten and may be the same memory as an input; n = 0 does nothing.

// out = view(in).
class ViewMaterialize {
 public:
  ViewMaterialize(const Device& device, ImageShape shape, ViewKind kind);
  void run(int n, const View& in, const Activation& out);

 private:
  Device device_;
  Range range_;
  Kernel kernel_;
};

// out = view(a) + view(b): the residual add.
class AddViews {
 public:
  AddViews(const Device& device, ImageShape shape, ViewKind a, ViewKind b);
  void run(int n, const View& a, const View& b, const Activation& out);

 private:
  Device device_;
  Range range_;
  Kernel kernel_;
};

// gradient = 0 where scale * x + shift <= 0 (affine) or x <= 0: back through the ReLU of a view, not through its affine
// part. kind.relu must be set, else there is nothing to mask: throws ShapeError.
class ReluMask {
 public:
  ReluMask(const Device& device, ImageShape shape, ViewKind kind);
  void run(int n, const View& x, const Array<float>& gradient);

 private:
  Device device_;
  Range range_;
  Kernel kernel_;
};

// a += b.
class Accumulate {
 public:
  Accumulate(const Device& device, ImageShape shape);
  void run(int n, const Array<float>& a, const Array<float>& b);

 private:
  Device device_;
  std::size_t vectors_;  // of one image
  Kernel kernel_;
};

}  // namespace cascadecl
