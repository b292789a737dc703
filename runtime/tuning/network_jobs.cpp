#include "runtime/tuning/network_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "runtime/network/layout.h"
#include "runtime/network/lowering.h"
#include "runtime/ops/conv_kernels.h"
#include "runtime/ops/launch.h"
#include "runtime/tuning/conv_trials.h"

namespace cascadecl {
namespace {

constexpr int most_checked = 19;                           // odd, and more than two images for each of 8 slices
constexpr std::size_t most_floats = std::size_t{1} << 26;  // of an activation that is timed

// A kernel that runs a convolution, by its parameter struct: its key and candidates.
struct KernelUse {
  TuningKey key;
  std::vector<TuningValues> candidates;
};

template <class P>
KernelUse kernel_use(const Device& device, std::string_view operation, const ConvGeometry& g, BatchClass batch) {
  const int block = device.channel_block();
  KernelUse use{conv::tuning_key(P::kernel, operation, g, block, batch), {}};
  for (const P& p : candidates<P>(g, block, conv::local_memory_limit(device))) use.candidates.push_back(values_of(p));
  // Shipped defaults, where there are valid ones, are what the user's own are held against.
  const TuningValues standard = values_of(tuned<P>(device, g, conv::local_memory_limit(device), use.key).parameters);
  std::erase(use.candidates, standard);
  use.candidates.insert(use.candidates.begin(), standard);
  return use;
}

std::optional<KernelUse> forward_use(const Device& device, const ConvGeometry& g, BatchClass batch) {
  constexpr auto kernels = KernelClass::automatic;
  if (conv::winograd_declines(device, g, kernels).empty())
    return kernel_use<conv::Winograd>(device, "forward", g, batch);
  if (conv::direct_declines(device, g, kernels).empty()) return kernel_use<conv::Direct>(device, "forward", g, batch);
  return std::nullopt;
}

std::optional<KernelUse> data_use(const Device& device, const ConvGeometry& g, BatchClass batch) {
  constexpr auto kernels = KernelClass::automatic;
  const ConvGeometry back = conv::backward_geometry(g);
  if (ConvBackwardData::can_fuse(device, g, kernels)) return kernel_use<conv::Winograd>(device, "data", back, batch);
  const std::optional<ConvGeometry> direct = conv::direct_backward_geometry(g);
  if (direct && conv::direct_declines(device, *direct, kernels).empty())
    return kernel_use<conv::Direct>(device, "data", *direct, batch);
  return std::nullopt;
}

std::optional<KernelUse> filter_use(const Device& device, const ConvGeometry& g, BatchClass batch) {
  constexpr auto kernels = KernelClass::automatic;
  if (conv::filter_winograd_declines(device, g, kernels).empty())
    return kernel_use<conv::FilterWinograd>(device, "filter", g, batch);
  if (conv::filter_direct_declines(device, g, kernels).empty())
    return kernel_use<conv::FilterDirect>(device, "filter", g, batch);
  return std::nullopt;
}

template <class T>
void add_once(std::vector<T>& list, const T& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

class Collector {
 public:
  explicit Collector(const Device& device) : device_(device) {}

  void add(const Network& network, int batch, bool statistics, bool backward) {
    const Lowering lowering = lower(network);
    for (const LoweredStep& step : lowering.steps) {
      if (step.kind != LoweredStep::Kind::convolution) continue;
      const Layer& l = network.layers()[to_size(step.layer)];
      const ConvGeometry g{
          lowering.tensors[to_size(step.in.tensor)].shape, l.out_channels, l.kernel_h, l.kernel_w, l.stride, l.padding};
      const LoweredTensor& out = lowering.tensors[to_size(step.out)];
      const ViewKind view{step.in.batch_norm >= 0, step.in.relu};
      const std::string name = network.name() + " " + layer_names(network, step);
      if (ConvUses* uses = at(forward_use(device_, g, batch_class(batch)), g, batch, name))
        add_once(uses->forward, ConvFusion{view, step.residual >= 0, statistics && !out.batch_norms.empty()});
      if (!backward) continue;
      // The gradient waits as a pair where its only reader is a batch norm.
      const bool pair = out.readers == 1 && !out.batch_norms.empty() && step.residual < 0;
      const bool learns = step.in.tensor > 0 || step.in.batch_norm >= 0;
      if (learns) {
        if (ConvUses* uses = at(data_use(device_, g, batch_class(batch)), g, batch, name)) {
          const MaskKind mask = !view.relu ? MaskKind::none : view.affine ? MaskKind::batch_norm_relu : MaskKind::relu;
          const bool fuses = ConvBackwardData::can_fuse(device_, g, KernelClass::automatic);
          add_once(uses->data, fuses ? ConvBackwardData::Fusion{pair, mask, false} : ConvBackwardData::Fusion{});
        }
      }
      if (ConvUses* uses = at(filter_use(device_, g, batch_class(batch)), g, batch, name)) {
        const bool fuses = ConvBackwardFilter::can_fuse(device_, g, KernelClass::automatic);
        add_once(uses->filter, ConvFilterFusion{view, pair && fuses});
      }
    }
  }

  std::vector<TuningJob> jobs() && {
    std::vector<TuningJob> jobs;
    for (auto& [key, found] : found_) {
      found.job.make = conv_trials(found.uses);
      jobs.push_back(std::move(found.job));
    }
    const auto work = [](const TuningJob& job) {
      const TuningKey& k = job.key;
      return -1.0 * k.height * k.width * k.in_channels * k.out_channels * k.kernel_h * k.kernel_w * job.images;
    };
    std::ranges::stable_sort(jobs, {}, work);
    return jobs;
  }

 private:
  struct Found {
    TuningJob job;
    ConvUses uses;
  };

  ConvUses* at(std::optional<KernelUse> use, const ConvGeometry& g, int batch, const std::string& name) {
    if (!use) return nullptr;
    Found& found = found_[use->key];
    if (found.job.candidates.empty()) {
      const std::size_t largest =
          std::max(image_elements(g.in, device_.channel_block()), image_elements(g.out(), device_.channel_block()));
      const int images = static_cast<int>(std::clamp<std::size_t>(most_floats / largest, 1, to_size(batch)));
      found.job = {.key = use->key,
                   .layers = name,
                   .candidates = std::move(use->candidates),
                   .images = images,
                   .checked_images = std::min(images, most_checked),
                   .make = {}};
      found.uses = {.geometry = g,
                    .batch = use->key.batch,
                    .images = images,
                    .checked_images = found.job.checked_images,
                    .forward = {},
                    .data = {},
                    .filter = {}};
    }
    return &found.uses;
  }

  Device device_;
  std::map<TuningKey, Found> found_;
};

}  // namespace

std::vector<TuningJob> network_jobs(const Device& device, const std::vector<Network>& networks,
                                    const NetworkJobSettings& settings) {
  Collector collector(
      device.with_tuning(Tuning({{TuningSource::shipped, shipped_tuning(device.info().tuning_class())}})));
  for (const Network& network : networks) {
    for (const int batch : settings.batches) {
      if (settings.infer) collector.add(network, batch, false, false);
      if (settings.train) collector.add(network, batch, true, true);
    }
  }
  return std::move(collector).jobs();
}

}  // namespace cascadecl
