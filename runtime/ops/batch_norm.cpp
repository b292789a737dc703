#include "runtime/ops/batch_norm.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

TuningKey key(std::string_view kernel, std::string_view operation, const Device& device, ImageShape shape,
              BatchClass batch) {
  return {.kernel = std::string(kernel),
          .operation = std::string(operation),
          .in_channels = shape.channels,
          .height = shape.height,
          .width = shape.width,
          .out_channels = shape.channels,
          .channel_block = device.channel_block(),
          .batch = batch};
}

}  // namespace

std::array<Tunable<BatchNormGroup>, 1> BatchNormGroup::tunables() { return {{{"GROUP", &BatchNormGroup::group}}}; }

BatchNormGroup BatchNormGroup::choose(ImageShape, const TuningTarget& target) {
  return {static_cast<int>(std::bit_floor(std::min<std::size_t>(target.work_group, 64)))};
}

std::vector<std::vector<int>> BatchNormGroup::ranges(ImageShape, const TuningTarget&) {
  return {{16, 32, 64, 128, 256}};
}

std::string BatchNormGroup::fault(ImageShape, const TuningTarget& target) const {
  std::string range = out_of_range("GROUP", group, 1, static_cast<int>(std::min<std::size_t>(target.work_group, 1024)));
  if (!range.empty()) return range;
  if (!std::has_single_bit(to_size(group))) return fmt::format("GROUP {} is no power of two", group);
  return too_large(2 * sizeof(float) * to_size(group * target.block), target.local_memory);
}

TuningKey BatchNorm::sums_key(const Device& device, ImageShape shape, BatchClass batch) {
  return key(BatchNormGroup::kernel, "sums", device, shape, batch);
}

PieceProblem BatchNorm::apply_problem(const Device& device, ImageShape shape, BatchClass batch) {
  const int pixels = shape.height * shape.width;
  return {.key = key("batch_norm", "apply", device, shape, batch), .length = pixels, .coarse = pixels};
}

BatchNorm::BatchNorm(const Device& device, ImageShape shape, BatchClass batch, BatchNormUse use)
    : device_(device), blocks_(to_size(block_count(shape.channels, device.channel_block()))) {
  const int block = channel_block_of(shape.channels, device.channel_block());
  prepare_frozen_ =
      device.kernel("batch_norm_frozen.cl", "bn_prepare_frozen", {{"CB", block}, {"CHANNELS", shape.channels}});
  if (use == BatchNormUse::training) build_training(shape, batch);
  const std::size_t padded = blocks_ * to_size(block);
  for (Array<float>* array : {&scale_, &shift_, &mean_, &inverse_std_, &dy_scale_, &x_scale_, &constant_}) {
    *array = device.allocate<float>(padded);
  }
}

void BatchNorm::build_training(ImageShape shape, BatchClass batch) {
  const Defines common{{"CB", channel_block_of(shape.channels, device_.channel_block())},
                       {"CHANNELS", shape.channels},
                       {"PIXELS", shape.height * shape.width}};
  prepare_ = device_.kernel("batch_norm_prepare.cl", "bn_prepare", common);
  backward_prepare_ = device_.kernel("batch_norm_prepare.cl", "bn_backward_prepare", common);

  const PieceProblem problem = apply_problem(device_, shape, batch);
  const auto piece = look_up<Piece>(device_, problem.key, problem, apply_choice_);
  pieces_ = piece.count(to_size(problem.length));
  std::string_view file = "batch_norm.cl";
  Defines pixels = common;
  pixels.set("VIEW_AFFINE", 1);
  define(piece, pixels);
  apply_ = device_.kernel(file, "bn_backward_apply", pixels);
  if (!coarse_items(device_)) {
    const auto group = look_up<BatchNormGroup>(device_, sums_key(device_, shape, batch), shape, sums_choice_);
    define(group, pixels);
    group_ = to_size(group.group);
    file = "batch_norm_groups.cl";
  }
  moments_ = device_.kernel(file, "bn_moments", pixels);
  sums_ = device_.kernel(file, "bn_backward_sums", pixels);
  define_activation(ActivationFunction::relu(), "VIEW", pixels);
  masked_sums_ = device_.kernel(file, "bn_backward_sums", pixels);
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
