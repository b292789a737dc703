#pragma once
#include "runtime/ops/piece.h"
#include "runtime/ops/variant.h"
#include "runtime/ops/view.h"

namespace cascadecl {

// Operations element by element on n images [n][C/b][H][W][b] of one shape; those of inference in any precision.
// Outputs are overwritten and may share memory with an input. n = 0 does nothing. Each takes the class of the batches
// that it is for, since its tunable may depend on it.

// How these kernels divide their work: `kernel` of kernels/elementwise.cl.
PieceProblem elementwise_problem(const Device& device, std::string_view kernel, ImageShape shape, BatchClass batch);

// out = view(in).
class ViewMaterialize {
 public:
  ViewMaterialize(const Device& device, ImageShape shape, ViewKind kind, BatchClass batch = BatchClass::many);
  void run(int n, const View& in, const ActivationArray& out);
  const VariantChoice& choice() const { return choice_; }

 private:
  Device device_;
  VariantChoice choice_;
  Range range_;
  Kernel kernel_;
};

// out = view(a) + view(b): the residual add.
class AddViews {
 public:
  AddViews(const Device& device, ImageShape shape, ViewKind a, ViewKind b, BatchClass batch = BatchClass::many);
  void run(int n, const View& a, const View& b, const ActivationArray& out);
  const VariantChoice& choice() const { return choice_; }

 private:
  Device device_;
  VariantChoice choice_;
  Range range_;
  Kernel kernel_;
};

// Back through the activation function of a view, not through its affine part: gradient = 0 where the function is flat,
// for a ReLU where scale * x + shift <= 0 (affine) or x <= 0, for a clip outside of its bounds and on them. Throws
// ShapeError for a view without one.
class ActivationMask {
 public:
  ActivationMask(const Device& device, ImageShape shape, ViewKind kind, BatchClass batch = BatchClass::many);
  void run(int n, const View& x, const Array<float>& gradient);
  const VariantChoice& choice() const { return choice_; }

 private:
  Device device_;
  VariantChoice choice_;
  Range range_;
  Kernel kernel_;
};

// a += b.
class Accumulate {
 public:
  Accumulate(const Device& device, ImageShape shape, BatchClass batch = BatchClass::many);
  void run(int n, const Array<float>& a, const Array<float>& b);
  const VariantChoice& choice() const { return choice_; }

 private:
  Device device_;
  VariantChoice choice_;
  std::size_t vectors_;  // of one image
  Piece piece_;
  Kernel kernel_;
};

}  // namespace cascadecl
