#pragma once
#include "runtime/network/lowering.h"
#include "runtime/ops/residual_block.h"

namespace cascadecl {

// What the operations of a lowered network's steps are made for.

// Of a step of kind convolution. A dense layer that runs as one has a kernel of one pixel.
ConvGeometry conv_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step);
// Of a step of kind residual_block, also one that is still being made.
ResidualBlockGeometry block_geometry(const Network& network, const Lowering& lowering, const LoweredStep& step);

// fuse_residual_blocks() with as many units in a block as the device should run in one launch.
Lowering fuse_for_device(const Device& device, const Network& network, const Lowering& lowering, KernelClass kernels,
                         int max_batch);

}  // namespace cascadecl
