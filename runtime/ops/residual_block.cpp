#include "runtime/ops/residual_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

std::size_t filter_floats(const ResidualBlockGeometry& g) {
  return 36 * to_size(g.shape.channels) * to_size(g.shape.channels);
}

// The convolution that TILE_W belongs to; without one the kernel has it for nothing.
ConvGeometry head_of(const ResidualBlockGeometry& g) { return g.head.value_or(g.convolution()); }

}  // namespace

std::array<Tunable<BlockTunables>, 4> BlockTunables::tunables() {
  return {{{"TILE_ROWS", &BlockTunables::tile_rows},
           {"TILE_GROUP", &BlockTunables::tile_group},
           {"K_GROUP", &BlockTunables::k_group},
           {"TILE_W", &BlockTunables::tile_w}}};
}

BlockTunables BlockTunables::choose(const ResidualBlockGeometry& g, const TuningTarget& target) {
  return {conv::Winograd::choose(g.convolution(), target), conv::Direct::choose(head_of(g), target).tile_w};
}

std::vector<std::vector<int>> BlockTunables::ranges(const ResidualBlockGeometry& g, const TuningTarget& target) {
  std::vector<std::vector<int>> ranges = conv::Winograd::ranges(g.convolution(), target);
  ranges.push_back(g.head ? conv::Direct::ranges(*g.head, target).front() : std::vector<int>());
  return ranges;
}

std::string BlockTunables::fault(const ResidualBlockGeometry& g, const TuningTarget& target) const {
  const std::string fault =
      first_of({conv::Winograd::fault(g.convolution(), target), conv::Direct{tile_w}.fault(head_of(g), target)});
  return fault.empty() ? too_large(local_bytes(g, target.block), target.local_memory) : fault;
}

std::size_t BlockTunables::local_bytes(const ResidualBlockGeometry& g, int block) const {
  const auto bordered = [](int size) { return to_size(div_up(size, 4) * 4 + 2); };
  const std::size_t plane = bordered(g.shape.height) * bordered(g.shape.width);
  std::size_t bytes =
      conv::Winograd::local_bytes(g.convolution(), block) + 2 * plane * to_size(g.shape.channels) * sizeof(float);
  if (g.head) bytes += conv::Direct{tile_w}.local_bytes(*g.head, block);
  return bytes;
}

TuningKey ResidualBlock::tuning_key(const ResidualBlockGeometry& g, int block, BatchClass batch) {
  return conv::tuning_key(BlockTunables::kernel, "forward", head_of(g), block, batch);
}

std::string ResidualBlock::declines(const Device& device, const ResidualBlockGeometry& g, KernelClass kernels) {
  const ConvGeometry convolution = g.convolution();
  const int block = device.channel_block();
  if (std::string reason =
          first_of({conv::not_cpu_class(device, kernels), conv::winograd_declines(device, convolution)});
      !reason.empty())
    return reason;
  if (g.shape.channels % block != 0) return fmt::format("{} channels are not whole blocks", g.shape.channels);
  if (filter_floats(g) % device.slice_step<float>() != 0) return "its filters do not lie aligned";
  if (g.head) {
    if (std::string reason = conv::direct_declines(device, *g.head); !reason.empty()) return reason;
    if (conv::winograd_declines(device, *g.head).empty()) return "the convolution before it runs as winograd";
  }
  const TuningTarget target = TuningTarget::of(device.info());
  const std::size_t bytes = BlockTunables::choose(g, target).local_bytes(g, block), limit = target.local_memory;
  if (bytes > limit)
    return fmt::format("a residual block needs {} bytes of local memory, the device has {}", bytes, limit);
  return {};
}

int ResidualBlock::most_units(const Device& device, const ResidualBlockGeometry& g, KernelClass kernels,
                              int max_batch) {
  constexpr std::size_t cached_bytes = std::size_t{1} << 20;  // that stay in a core's cache beside the images
  if (!declines(device, g, kernels).empty()) return 0;
  if (max_batch <= static_cast<int>(device.info().compute_units)) return std::numeric_limits<int>::max();
  return std::max(1, static_cast<int>(cached_bytes / (2 * filter_floats(g) * sizeof(float))));
}

ResidualBlock::ResidualBlock(const Device& device, const ResidualBlockGeometry& g, KernelClass kernels,
                             BatchClass batch, Precision precision)
    : device_(device), geometry_(g), choice_{.variant = "residual block"} {
  const ConvGeometry convolution = g.convolution();
  const int block = device.channel_block(), channels = g.shape.channels;
  // A launch for each convolution costs more than one core's share of an image, unless there are some cores to share.
  constexpr int fewest_cores = 4;
  most_split_ = static_cast<int>(device.info().compute_units) / fewest_cores;
  const auto tunables = look_up<BlockTunables>(device, tuning_key(g, block, batch), g, choice_);
  Defines defines = tunables.conv::Winograd::defines(convolution, block);
  defines.set("TILE_W", tunables.tile_w);
  const ViewKind normed{.affine = true, .activation = ActivationFunction::relu(), .precision = precision};
  define_precision(precision, defines);
  defines.set("HEAD", g.head ? 1 : 0);
  if (g.head) {
    defines.set("SRC_CHANNELS", g.head->in.channels);
    defines.set("SRC_CB", channel_block_of(g.head->in.channels, block));
    defines.set("SRC_HEIGHT", g.head->in.height);
    defines.set("SRC_WIDTH", g.head->in.width);
    defines.set("KERNEL_H", g.head->kernel_h);
    defines.set("KERNEL_W", g.head->kernel_w);
    defines.set("STRIDE", g.head->stride);
    defines.set("PADDING_Y", g.head->padding);
    defines.set("PADDING_X", g.head->padding);
    // One that is never launched looks up nothing.
    const Device split = most_split_ > 0 ? device : device.with_tuning(Tuning());
    head_.emplace(split, *g.head, ConvFusion{.view = {.precision = precision}}, kernels, batch);
  }
  run_ = device.kernel("residual_block.cl", "residual_block", defines);
  layout_.emplace(conv::FilterLayout::winograd(device, conv::FilterShape::of(convolution)));
  if (most_split_ > 0) {
    conv1_.emplace(device, convolution, ConvFusion{.view = normed}, kernels, batch);
    conv2_.emplace(device, convolution, ConvFusion{.view = normed, .residual = true}, kernels, batch);
    if (g.pooled) pool_.emplace(device, g.shape, normed);
  }

  const std::size_t convolutions = 2 * to_size(g.units), floats = filter_floats(g);
  weights_ = device.allocate<float>(convolutions * floats);
  affine_ = device.allocate<float>((convolutions + (g.pooled ? 1 : 0)) * 2 * to_size(channels));
  for (std::size_t i = 0; i < convolutions; ++i) filters_.push_back(device.slice(weights_, i * floats, floats));
  between_ = allocate_activation(device, to_size(most_split_) * image_elements(g.shape, block), precision);
}

void ResidualBlock::prepare(const Array<float>& head, const std::vector<Array<float>>& convolutions) {
  if (head_) head_->prepare(head);
  for (std::size_t i = 0; i < convolutions.size(); ++i) layout_->run(convolutions[i], {}, filters_[i]);
}

void ResidualBlock::prepare_norms(const std::vector<View>& norms) {
  norms_ = norms;
  const std::size_t channels = to_size(geometry_.shape.channels);
  for (std::size_t i = 0; i < norms.size(); ++i) {
    device_.copy(norms[i].scale, affine_, channels, 0, 2 * i * channels);
    device_.copy(norms[i].shift, affine_, channels, 0, (2 * i + 1) * channels);
  }
}

void ResidualBlock::run(int n, const ActivationArray& in, const ActivationArray& x, const Array<float>& pooled) {
  if (splits(n)) return run_split(n, in, x, pooled);
  run_on(run_, 0, n, in, x, pooled);
}

void ResidualBlock::run_share(int first, int n, const ActivationArray& in, const ActivationArray& x,
                              const Array<float>& pooled, const cl::CommandQueue& queue) {
  Kernel kernel = run_.on(queue);
  run_on(kernel, first, n, in, x, pooled);
}

void ResidualBlock::run_on(Kernel& kernel, int first, int n, const ActivationArray& in, const ActivationArray& x,
                           const Array<float>& pooled) {
  kernel(Range{to_size(n)}, Range{}, in, head_ ? head_->weights() : Array<float>(), affine_, weights_, x,
         geometry_.units, pooled, first);
}

void ResidualBlock::run_split(int n, const ActivationArray& in, const ActivationArray& x, const Array<float>& pooled) {
  ActivationArray from = in;
  if (head_) {
    head_->run(n, {in, {}, {}}, {}, x, {});
    from = x;
  }
  for (std::size_t i = 0; i < filters_.size(); i += 2) {
    conv1_->use(filters_[i]);
    conv1_->run(n, {from, norms_[i].scale, norms_[i].shift}, {}, between_, {});
    conv2_->use(filters_[i + 1]);
    conv2_->run(n, {between_, norms_[i + 1].scale, norms_[i + 1].shift}, from, x, {});
    from = x;
  }
  if (pool_) pool_->forward(n, {x, norms_.back().scale, norms_.back().shift}, pooled);
}

std::size_t ResidualBlock::weight_bytes() const {
  return (weights_.size() + affine_.size()) * sizeof(float) + (head_ ? head_->weight_bytes() : 0);
}

}  // namespace cascadecl
