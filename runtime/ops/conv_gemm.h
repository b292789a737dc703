#pragma once
#include <string>

#include "runtime/ops/conv_gpu.h"

// Convolutions of the GPU class as matrix products of tiles in local memory.
namespace cascadecl::conv {

// The tunables of kernels/gemm_tile.h: what a work-group and a work-item compute.
struct GemmTile {
  int m = 64, n = 16, d = 16;  // rows, columns and depth of a work-group
  int item_m = 4, item_n = 4;  // rows and columns of a work-item

  // The largest tile that suits so many columns and runs on the device, else the smallest.
  static GemmTile choose(const DeviceInfo& device, int columns);
  int items() const { return m / item_m * (n / item_n); }
  std::size_t local_bytes() const;
  // Empty if the device can run a work-group of this tile, else why it cannot.
  std::string declines(const DeviceInfo& device) const;
  void define(Defines& defines) const;
};

// Empty if the device can run the kernels of this file, whatever the geometry; else why it cannot.
std::string gemm_declines(const DeviceInfo& device);

// kernels/conv_gemm.cl. The gradient by the input is the same product on turned filters; with a stride, one product for
// each of the positions that the input's pixels take between those of the output.
class GemmConv : public GpuConv {
 public:
  GemmConv(const Device& device, const ConvGeometry& geometry, Direction direction, ViewKind view, bool residual);
  void prepare(const Array<float>& weight) override;
  void run(int n, const View& in, const Array<float>& residual, const Array<float>& out) override;
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
  GemmFilter(const Device& device, const ConvGeometry& geometry, ViewKind view);
  std::size_t workspace_floats() const { return workspace_floats_; }
  void run(int n, const View& in, const Array<float>& gradient, const Array<float>& workspace,
           const Array<float>& weight_gradient);

 private:
  Kernel run_, reduce_;
  Range range_, group_, reduce_range_;
  std::size_t workspace_floats_;
};

}  // namespace cascadecl::conv
