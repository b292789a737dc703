#pragma once
#include "runtime/opencl/device.h"
#include "runtime/ops/view.h"

namespace cascadecl {

// Pooling on channel-blocked activations. Inputs are read through a view of the given kind. Gradients are by the values
// that the view gives; they do not go on through its affine part and ReLU. n = images, any number that the arrays hold.

// The mean of each channel: [n][C/b][H][W][b] -> plain rows [n][C].
class GlobalAveragePool {
 public:
  GlobalAveragePool(const Device& device, ImageShape in, ViewKind kind);
  void forward(int n, const View& in, const Array<float>& out);
  // out_gradient [n][C] -> in_gradient [n][C/b][H][W][b], overwritten.
  void backward(int n, const Array<float>& out_gradient, const Array<float>& in_gradient);

 private:
  Device device_;
  std::size_t blocks_;
  Kernel forward_, backward_;
};

// Windows of kernel_h x kernel_w pixels every `stride` pixels over an image with `padding` absent pixels around it.
struct PoolGeometry {
  ImageShape in;
  int kernel_h = 2, kernel_w = 2, stride = 2, padding = 0;
  bool max = true;            // else the mean of the window's real pixels
  ImageShape output() const;  // ShapeError if no window fits or padding is not less than the kernel
};

// [n][C/b][H][W][b] -> [n][C/b][P][Q][b], P and Q from PoolGeometry::output().
class Pool {
 public:
  Pool(const Device& device, const PoolGeometry& geometry, ViewKind kind);
  void forward(int n, const View& in, const ActivationArray& out);
  // in_gradient is overwritten. Max: the first of equal largest pixels, row by row, gets the gradient; `in` must be as
  // it was in forward. Average: `in` is not read and may be empty.
  void backward(int n, const View& in, const Array<float>& out_gradient, const Array<float>& in_gradient);

 private:
  Device device_;
  std::size_t blocks_, in_rows_, out_rows_;
  Kernel forward_, backward_;
};

}  // namespace cascadecl
