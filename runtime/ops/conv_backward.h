#pragma once
#include <string>

#include "runtime/ops/conv_gradient.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/filter_layout.h"
#include "runtime/ops/view.h"

namespace cascadecl {

// kernels/conv_backward_winograd.cl: the tunables of the two kernels that it unites, with strips in common. Geometries
// are those of the convolution.
struct BackwardTunables : conv::Winograd {
  int filter_c_group = 8, filter_k_group = 1, slices = conv::kSlices;
  static constexpr std::string_view kernel = "conv_backward_winograd";
  static std::array<Tunable<BackwardTunables>, 6> tunables();
  static BackwardTunables choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ConvGeometry& geometry, int block) const;
};

// Both gradients of a convolution behind a ReLU in one pass over its images: what ConvBackwardData and
// ConvBackwardFilter do, with everything read once.
class ConvBackward {
 public:
  struct Fusion {
    bool deferred = false;    // the gradient by the output is (conv_gradient.h)
    bool batch_norm = false;  // the input's view has a batch norm before its ReLU: sums for its backward
    bool operator==(const Fusion&) const = default;
  };

  // Empty if the device can run the geometry so, else why not.
  static std::string declines(const Device& device, const ConvGeometry& geometry, ViewKind view, KernelClass kernels);

  ConvBackward(const Device& device, const ConvGeometry& geometry, const Fusion& fusion, BatchClass batch);

  // What it looks its tunables up by.
  static Lookup<BackwardTunables, ConvGeometry> lookup(const Device& device, const ConvGeometry& geometry,
                                                       BatchClass batch);

  // `workspace` is shared by all layers of a plan; it needs workspace_floats().
  std::size_t workspace_floats() const { return workspace_floats_; }
  void prepare(const Array<float>& weight);
  //   mask             the input as its view reads it, as for ConvBackwardData
  //   in_gradient      [n][C/b][H][W][b] by the value before the view's ReLU, overwritten
  //   weight_gradient  [K][C][3][3], overwritten; the images are summed in fixed slices and order
  void run(int n, const Gradient& out_gradient, const ConvMask& mask, const Array<float>& workspace,
           const Array<float>& in_gradient, const Array<float>& weight_gradient);

  const VariantChoice& choice() const { return choice_; }
  std::size_t weight_bytes() const { return filters_.bytes(); }

 private:
  VariantChoice choice_;
  conv::Filters filters_;
  Kernel run_, reduce_;
  Range reduce_range_;
  std::size_t slices_ = 1, workspace_floats_ = 0;
};

}  // namespace cascadecl
