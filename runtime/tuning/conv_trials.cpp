#include "runtime/tuning/conv_trials.h"

#include "runtime/network/layout.h"
#include "runtime/ops/batch_norm.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/launch.h"
#include "runtime/tuning/random_activation.h"

namespace cascadecl {
namespace {

std::size_t floats(const Device& device, ImageShape shape, int n) {
  return to_size(n) * image_elements(shape, device.channel_block());
}

// A batch norm in the middle of a training step: running statistics, and the coefficients of its backward.
BatchNorm random_norm(const Device& device, ImageShape shape, std::uint64_t seed) {
  BatchNorm norm(device, shape);
  const std::size_t channels = to_size(shape.channels);
  const Array<float> variance = device.upload(std::vector<float>(channels, 1.5F));
  norm.prepare_frozen({random_floats(device, channels, seed), random_floats(device, channels, seed + 1),
                       random_floats(device, channels, seed + 2, 0.1F), variance});
  const Array<float> unused = device.allocate<float>(channels);
  norm.backward_prepare(1, random_floats(device, 2 * norm.padded_channels(), seed + 3), false, false, unused, unused);
  return norm;
}

// What all trials of a job run on.
struct ConvData {
  ConvData(const Device& device, const ConvUses& uses)
      : in(random_activation(device, uses.geometry.in, uses.images, 1)),
        out(random_activation(device, uses.geometry.out(), uses.images, 2)),
        pair(random_activation(device, uses.geometry.out(), uses.images, 3)),
        weight(random_floats(device, uses.geometry.weight_count(), 4, 0.25F)),
        in_norm(random_norm(device, uses.geometry.in, 10)),
        out_norm(random_norm(device, uses.geometry.out(), 20)) {}
  View view(ViewKind kind) const { return kind.affine ? in_norm.view(in) : View{in, {}, {}}; }
  Gradient gradient(bool is_pair) const {
    return is_pair ? out_norm.gradient(out, pair) : Gradient{out, {}, {}, {}, {}};
  }
  // The gradient as plain numbers, for kernels that cannot read a pair.
  Gradient plain_gradient(const Device& device, int n, bool is_pair) {
    if (!is_pair) return gradient(false);
    const Array<float> plain = device.allocate<float>(out.size());
    out_norm.backward_apply(n, out, pair, {}, plain);
    return {plain, {}, {}, {}, {}};
  }
  Array<float> in, out, pair, weight;  // out: a residual of the forward pass, the gradient of the backward one
  BatchNorm in_norm, out_norm;
};

std::size_t moments_of(const BatchNorm& norm, int n) { return to_size(n) * 2 * norm.padded_channels(); }

class ForwardTrial : public Trial {
 public:
  ForwardTrial(const Device& device, const ConvUses& uses, std::shared_ptr<ConvData> data, KernelClass kernels)
      : device_(device), uses_(uses), data_(std::move(data)) {
    for (const ConvFusion& fusion : uses_.forward) {
      ops_.emplace_back(device, uses_.geometry, fusion, kernels, uses_.batch);
      ops_.back().prepare(data_->weight);
      outs_.push_back(device.allocate<float>(data_->out.size()));
      moments_.push_back(device.allocate<float>(moments_of(data_->out_norm, uses_.images)));
    }
  }
  void run(int n) override {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const ConvFusion& fusion = uses_.forward[i];
      ops_[i].run(n, data_->view(fusion.view), fusion.residual ? data_->out : Array<float>(), outs_[i], moments_[i]);
      if (fusion.statistics && !ops_[i].fuses_statistics()) data_->out_norm.measure(n, outs_[i], moments_[i]);
    }
  }
  std::vector<std::vector<float>> results(int n) override {
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      all.push_back(device_.read(outs_[i], floats(device_, uses_.geometry.out(), n)));
      if (uses_.forward[i].statistics) all.push_back(device_.read(moments_[i], moments_of(data_->out_norm, n)));
    }
    return all;
  }

 private:
  Device device_;
  ConvUses uses_;
  std::shared_ptr<ConvData> data_;
  std::vector<ConvForward> ops_;
  std::vector<Array<float>> outs_, moments_;
};

class DataTrial : public Trial {
 public:
  DataTrial(const Device& device, const ConvUses& uses, std::shared_ptr<ConvData> data, KernelClass kernels)
      : device_(device),
        uses_(uses),
        data_(std::move(data)),
        fuses_(ConvBackwardData::can_fuse(device, uses.geometry, kernels)),
        mask_(device, uses.geometry.in, {.affine = false, .relu = true}) {
    for (const ConvBackwardData::Fusion& fusion : uses_.data) {
      ops_.emplace_back(device, uses_.geometry, fuses_ ? fusion : ConvBackwardData::Fusion{}, kernels, uses_.batch);
      ops_.back().prepare(data_->weight);
      outs_.push_back(device.allocate<float>(data_->in.size()));
      sums_.push_back(device.allocate<float>(moments_of(data_->in_norm, uses_.images)));
    }
  }
  void run(int n) override {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const ConvBackwardData::Fusion& fusion = uses_.data[i];
      ConvMask mask{data_->in, {}, {}, {}, {}};
      if (fusion.mask == MaskKind::batch_norm_relu) mask = data_->in_norm.mask(data_->in, sums_[i]);
      const Gradient gradient = fuses_ ? data_->gradient(fusion.pair) : data_->plain_gradient(device_, n, fusion.pair);
      ops_[i].run(n, gradient, mask, {}, outs_[i]);
      if (!fuses_) apply_mask(n, i);
    }
  }
  std::vector<std::vector<float>> results(int n) override {
    std::vector<std::vector<float>> all;
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      all.push_back(device_.read(outs_[i], floats(device_, uses_.geometry.in, n)));
      if (uses_.data[i].mask == MaskKind::batch_norm_relu)
        all.push_back(device_.read(sums_[i], moments_of(data_->in_norm, n)));
    }
    return all;
  }

 private:
  // What the fused kernel does in its epilogue.
  void apply_mask(int n, std::size_t i) {
    const MaskKind kind = uses_.data[i].mask;
    if (kind == MaskKind::batch_norm_relu) data_->in_norm.backward_sums(n, true, outs_[i], data_->in, sums_[i]);
    if (kind == MaskKind::relu) mask_.run(n, {data_->in, {}, {}}, outs_[i]);
  }

  Device device_;
  ConvUses uses_;
  std::shared_ptr<ConvData> data_;
  bool fuses_;
  ReluMask mask_;
  std::vector<ConvBackwardData> ops_;
  std::vector<Array<float>> outs_, sums_;
};

class FilterTrial : public Trial {
 public:
  FilterTrial(const Device& device, const ConvUses& uses, std::shared_ptr<ConvData> data, KernelClass kernels)
      : device_(device), uses_(uses), data_(std::move(data)) {
    fuses_ = ConvBackwardFilter::can_fuse(device, uses_.geometry, kernels);
    for (const ConvFilterFusion& fusion : uses_.filter) {
      ops_.emplace_back(device, uses_.geometry, fusion.view, fuses_ && fusion.pair, kernels, uses_.batch);
      outs_.push_back(device.allocate<float>(uses_.geometry.weight_count()));
      workspaces_.push_back(device.allocate<float>(ops_.back().workspace_floats()));
    }
  }
  void run(int n) override {
    for (std::size_t i = 0; i < ops_.size(); ++i) {
      const ConvFilterFusion& fusion = uses_.filter[i];
      const Gradient gradient = fuses_ ? data_->gradient(fusion.pair) : data_->plain_gradient(device_, n, fusion.pair);
      ops_[i].run(n, data_->view(fusion.view), gradient, workspaces_[i], outs_[i]);
    }
  }
  std::vector<std::vector<float>> results(int) override {
    std::vector<std::vector<float>> all;
    for (const Array<float>& out : outs_) all.push_back(device_.read(out));
    return all;
  }

 private:
  Device device_;
  ConvUses uses_;
  std::shared_ptr<ConvData> data_;
  bool fuses_ = false;
  std::vector<ConvBackwardFilter> ops_;
  std::vector<Array<float>> outs_, workspaces_;
};

}  // namespace

std::function<std::unique_ptr<Trial>(const Device&, KernelClass)> conv_trials(const ConvUses& uses) {
  // The data goes with the job's trials: jobs that wait hold none.
  auto shared = std::make_shared<std::weak_ptr<ConvData>>();
  return [uses, shared](const Device& device, KernelClass kernels) -> std::unique_ptr<Trial> {
    std::shared_ptr<ConvData> data = shared->lock();
    if (!data) *shared = data = std::make_shared<ConvData>(device, uses);
    if (!uses.forward.empty()) return std::make_unique<ForwardTrial>(device, uses, data, kernels);
    if (!uses.data.empty()) return std::make_unique<DataTrial>(device, uses, data, kernels);
    return std::make_unique<FilterTrial>(device, uses, data, kernels);
  };
}

}  // namespace cascadecl
