#pragma once
#include <string_view>

#include "runtime/ops/trials/trial.h"
#include "runtime/ops/view.h"

// The other operations with tunables, as the tuner runs them.
namespace cascadecl {

MakeTrial dense_trial(int in, int out);
// `kernel`: of kernels/elementwise.cl; both views are read through `view`.
MakeTrial elementwise_trial(std::string_view kernel, ImageShape shape, ViewKind view);
MakeTrial batch_norm_sums_trial(ImageShape shape);
MakeTrial batch_norm_apply_trial(ImageShape shape);
MakeTrial sgd_trial(std::size_t count);
MakeTrial select_trial();
MakeTrial gather_trial(std::size_t row);

}  // namespace cascadecl
