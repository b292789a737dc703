#include "runtime/ops/batch_norm.h"

#include <algorithm>
#include <bit>

#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

constexpr std::string_view kFile = "batch_norm.cl";

// Work-items that sum up an image's pixels together on GPUs: a power of two that the device allows.
std::size_t group_size(const Device& device) {
  return std::bit_floor(std::min<std::size_t>(device.info().max_work_group_size, 64));
}

}  // namespace

BatchNorm::BatchNorm(const Device& device, ImageShape shape)
    : device_(device), blocks_(to_size(block_count(shape.channels, device.channel_block()))) {
  const int block = channel_block_of(shape.channels, device.channel_block());
  Defines common{
      {"CB", block}, {"CHANNELS", shape.channels}, {"PIXELS", shape.height * shape.width}, {"VIEW_AFFINE", 1}};
  std::string_view sums = kFile;
  if (!coarse_items(device)) {
    group_ = group_size(device);
    pieces_ = to_size(shape.height) * to_size(shape.width);
    common.set("GROUP", static_cast<long>(group_));
    common.set("PIECE", 1);
    sums = "batch_norm_groups.cl";
  }
  moments_ = device.kernel(sums, "bn_moments", common);
  prepare_ = device.kernel(kFile, "bn_prepare", common);
  prepare_frozen_ = device.kernel(kFile, "bn_prepare_frozen", common);
  sums_ = device.kernel(sums, "bn_backward_sums", common);
  Defines relu = common;
  relu.set("VIEW_RELU", 1);
  masked_sums_ = device.kernel(sums, "bn_backward_sums", relu);
  backward_prepare_ = device.kernel(kFile, "bn_backward_prepare", common);
  apply_ = device.kernel(kFile, "bn_backward_apply", common);
  const std::size_t padded = blocks_ * to_size(block);
  for (Array<float>* array : {&scale_, &shift_, &mean_, &inverse_std_, &dy_scale_, &x_scale_, &constant_}) {
    *array = device.allocate<float>(padded);
  }
}

template <class... Args>
void BatchNorm::sum_pixels(Kernel& kernel, int n, const Args&... args) {
  if (group_ > 0) {
    kernel(Range{blocks_ * group_, to_size(n)}, Range{group_}, args...);
  } else {
    launch(device_, kernel, {blocks_, to_size(n)}, args...);
  }
}

void BatchNorm::measure(int n, const Array<float>& x, const Array<float>& moments) {
  sum_pixels(moments_, n, x, moments);
}

void BatchNorm::prepare(int n, const Array<float>& moments, const ParameterArrays& p) {
  launch(device_, prepare_, {blocks_}, moments, n, p.gamma, p.beta, p.running_mean, p.running_variance, scale_, shift_,
         mean_, inverse_std_);
}

void BatchNorm::prepare_frozen(const ParameterArrays& p) {
  launch(device_, prepare_frozen_, {blocks_}, p.gamma, p.beta, p.running_mean, p.running_variance, scale_, shift_,
         mean_, inverse_std_);
}

void BatchNorm::backward_sums(int n, bool relu, const Array<float>& dy, const Array<float>& x,
                              const Array<float>& sums) {
  sum_pixels(relu ? masked_sums_ : sums_, n, dy, x, scale_, shift_, mean_, sums);
}

void BatchNorm::backward_prepare(int n, const Array<float>& sums, bool frozen, bool accumulate,
                                 const Array<float>& gamma_gradient, const Array<float>& beta_gradient) {
  launch(device_, backward_prepare_, {blocks_}, sums, n, scale_, mean_, inverse_std_, dy_scale_, x_scale_, constant_,
         gamma_gradient, beta_gradient, frozen ? 1 : 0, accumulate ? 1 : 0);
}

void BatchNorm::backward_apply(int n, const Array<float>& dy, const Array<float>& x, const Array<float>& base,
                               const Array<float>& dx) {
  launch(device_, apply_, {pieces_, blocks_ * to_size(n)}, dy, x, dy_scale_, x_scale_, constant_, base, dx);
}

}  // namespace cascadecl
