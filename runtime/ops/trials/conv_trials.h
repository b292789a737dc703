#pragma once
#include "runtime/ops/conv.h"
#include "runtime/ops/conv_backward.h"
#include "runtime/ops/residual_block.h"
#include "runtime/ops/trials/trial.h"

// Convolutions as the tuner runs them, with the fusions that networks give them. Where the reference kernels cannot do
// a fusion, the reference is made of several operations.
namespace cascadecl {

MakeTrial forward_trial(const ConvGeometry& geometry, const ConvFusion& fusion);
MakeTrial residual_block_trial(const ResidualBlockGeometry& geometry);
MakeTrial data_gradient_trial(const ConvGeometry& geometry, const ConvBackwardData::Fusion& fusion);
MakeTrial filter_gradient_trial(const ConvGeometry& geometry, ViewKind view, bool deferred);
MakeTrial both_gradients_trial(const ConvGeometry& geometry, const ConvBackward::Fusion& fusion);

}  // namespace cascadecl
