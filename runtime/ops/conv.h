#pragma once
// Convolution: its shape, itself and its gradients.
#include "runtime/ops/conv_backward_bias.h"
#include "runtime/ops/conv_backward_data.h"
#include "runtime/ops/conv_backward_filter.h"
#include "runtime/ops/conv_forward.h"
#include "runtime/ops/conv_geometry.h"
