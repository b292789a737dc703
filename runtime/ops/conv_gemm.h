#pragma once
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv_gpu.h"

// Convolutions of the GPU class as matrix products of tiles in local memory.
namespace cascadecl::conv {

// The tunables of kernels/gemm_tile.h: what a work-group and a work-item compute. The geometry is the columns of the
// product: channels of the result.
struct GemmTile {
  int m = 64, n = 16, d = 16;  // rows, columns and depth of a work-group
  int item_m = 4, item_n = 4;  // rows and columns of a work-item

  static constexpr std::string_view kernel = "conv_gemm";
  static std::array<Tunable<GemmTile>, 5> tunables();
  // The largest tile that suits so many columns and runs on the device, else the smallest.
  static GemmTile choose(int columns, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(int columns, const TuningTarget& target);
  std::string fault(int columns, const TuningTarget& target) const;
  int items() const { return m / item_m * (n / item_n); }
  std::size_t local_bytes() const;
};

// Those of kernels/conv_filter_gemm.cl.
struct GemmFilterTile : GemmTile {
  int slices = 8;
  static constexpr std::string_view kernel = "conv_filter_gemm";
  static std::array<Tunable<GemmFilterTile>, 6> tunables();
  static GemmFilterTile choose(const ConvGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ConvGeometry& geometry, const TuningTarget& target);
  std::string fault(const ConvGeometry& geometry, const TuningTarget& target) const;
};

// Empty if the device can run the kernels of this file, whatever the geometry; else why it cannot.
std::string gemm_declines(const DeviceInfo& device);

// What tuning knows a product by; the gradient by the input has the geometry of the convolution.
TuningKey gemm_key(const ConvGeometry& geometry, Direction direction, int block, BatchClass batch);

// kernels/conv_gemm.cl. The gradient by the input is the same product on turned filters; with a stride, one product for
// each of the positions that the input's pixels take between those of the output.
class GemmConv : public GpuConv {
 public:
  // `choice` is told of the parameters.
  GemmConv(const Device& device, const ConvGeometry& geometry, Direction direction, ViewKind view, bool residual,
           BatchClass batch, VariantChoice& choice);
  void prepare(const Array<float>& weight) override;
  void run(int n, const View& in, const Activation& residual, const Activation& out) override;
  std::size_t weight_bytes() const override { return weights_.size() * sizeof(float); }

 private:
  GemmTile tile_;
  Kernel prepare_, run_;
  Range prepare_range_;
  std::size_t pixels_, channels_, phases_;  // pixels of an image and phase; channels written, padded
  Array<float> weights_;
};

// kernels/conv_filter_gemm.cl
class GemmFilter {
 public:
  GemmFilter(const Device& device, const ConvGeometry& geometry, ViewKind view, BatchClass batch,
             VariantChoice& choice);
  std::size_t workspace_floats() const { return workspace_floats_; }
  void run(int n, const View& in, const Array<float>& gradient, const Array<float>& workspace,
           const Array<float>& weight_gradient);

 private:
  Kernel run_, reduce_;
  Range range_, group_, reduce_range_;
  std::size_t workspace_floats_;
};

}  // namespace cascadecl::conv
