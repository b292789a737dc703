#pragma once
#include <string_view>

#include "runtime/ops/conv.h"
#include "runtime/ops/conv_backward.h"
#include "runtime/ops/piece.h"
#include "runtime/ops/residual_block.h"
#include "runtime/ops/trials/tuning_use.h"

// The uses of operations, as their steps run them.
namespace cascadecl {

// A kernel that divides rows of `floats` values for each image into pieces.
TuningUse piece_use(const Device& device, const PieceProblem& problem, std::size_t floats, const MakeTrial& trial);

TuningUse dense_use(const Device& device, int in, int out, BatchClass batch);
// `kernel`: of kernels/elementwise.cl.
TuningUse elementwise_use(const Device& device, std::string_view kernel, ImageShape shape, ViewKind view,
                          BatchClass batch);
// Sums and application of a batch norm in training.
TuningUses batch_norm_uses(const Device& device, ImageShape shape, BatchClass batch);
TuningUse sgd_use(const Device& device, std::size_t count);
// Listing survivors, and gathering their rows.
TuningUses survivor_uses(const Device& device, std::size_t row, BatchClass batch);

// Convolutions; empty where the kernel that runs has no tunables.
TuningUses forward_uses(const Device& device, const ConvGeometry& geometry, const ConvFusion& fusion,
                        KernelClass kernels, BatchClass batch);
TuningUses data_gradient_uses(const Device& device, const ConvGeometry& geometry,
                              const ConvBackwardData::Fusion& fusion, KernelClass kernels, BatchClass batch);
TuningUses filter_gradient_uses(const Device& device, const ConvGeometry& geometry, ViewKind view, bool deferred,
                                KernelClass kernels, BatchClass batch);
TuningUses both_gradients_uses(const Device& device, const ConvGeometry& geometry, const ConvBackward::Fusion& fusion,
                               BatchClass batch);
// `splits`: few images run one convolution at a time.
TuningUses residual_block_uses(const Device& device, const ResidualBlockGeometry& geometry, bool splits,
                               KernelClass kernels, BatchClass batch);

}  // namespace cascadecl
