#pragma once
#include <functional>
#include <string>
#include <vector>

#include "runtime/opencl/device.h"
#include "runtime/ops/image_shape.h"

namespace cascadecl::bench {

// One kernel on one geometry, with random data.
struct KernelItem {
  std::string operation, variant, shape;
  double flop = 0;   // 2 x the multiply-adds of the direct algorithm; 0 where moving data is all it does
  double bytes = 0;  // that it must read and write, each once
  std::function<void()> run;
};

// At the geometries of resnets for 32x32 images, for a batch.
std::vector<KernelItem> convolution_items(const Device& device, int batch, bool smoke);
std::vector<KernelItem> residual_block_items(const Device& device, int batch, bool smoke);
std::vector<KernelItem> other_items(const Device& device, int batch, bool smoke);

// "16x32x32".
std::string text_of(ImageShape shape);

}  // namespace cascadecl::bench
