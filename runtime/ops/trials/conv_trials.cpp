#include "runtime/ops/trials/conv_trials.h"

#include <memory>
#include <optional>

#include "runtime/ops/batch_norm.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"

namespace cascadecl {
namespace {

// A batch norm in the middle of a training step: running statistics, and the coefficients of its backward.
BatchNorm random_norm(const TrialContext& c, ImageShape shape, std::uint64_t seed) {
  BatchNorm norm(c.device, shape, c.batch());
  const std::size_t channels = to_size(shape.channels);
  const Array<float> variance = c.device.upload(std::vector<float>(channels, 1.5F));
  norm.prepare_frozen({c.data.floats(channels, seed), c.data.floats(channels, seed + 1),
                       c.data.floats(channels, seed + 2, 0.1F), variance});
  const Array<float> unused = c.device.allocate<float>(channels);
  norm.backward_prepare(1, c.data.floats(2 * norm.padded_channels(), seed + 3), false, false, unused, unused);
  return norm;
}

std::size_t padded_channels(const Device& device, ImageShape shape) {
  return to_size(block_count(shape.channels, device.channel_block()) *
                 channel_block_of(shape.channels, device.channel_block()));
}

// An activation as it is read behind a batch norm.
View normed_view(const TrialContext& c, ImageShape shape, const Array<float>& data, std::uint64_t seed) {
  const std::size_t channels = padded_channels(c.device, shape);
  return {data, c.data.floats(channels, seed), c.data.floats(channels, seed + 1)};
}

// What a convolution's trials read. Batch norms are made where one is needed: each is some programs to build.
struct ConvData {
  ConvData(const TrialContext& c, const ConvGeometry& g)
      : context(c),
        geometry(g),
        in(c.data.activation(g.in, c.images, 1)),
        out(c.data.activation(g.out(), c.images, 2)),
        weight(c.data.floats(g.weight_count(), 4, 0.25F)) {}

  View view(ViewKind kind) const { return kind.affine ? normed_view(context, geometry.in, in, 30) : View{in, {}, {}}; }
  BatchNorm& in_norm() { return made(in_norm_, geometry.in, 10); }
  BatchNorm& out_norm() { return made(out_norm_, geometry.out(), 20); }
  // The gradient by the output; `plain`: as numbers, for kernels that cannot read a deferred one.
  Gradient gradient(int n, bool is_deferred, bool plain) {
    if (!is_deferred) return {out, {}, {}, {}, {}};
    const Array<float> norm_input = context.data.activation(geometry.out(), context.images, 3);
    if (!plain) return out_norm().gradient(out, norm_input);
    if (applied_.empty()) applied_ = context.device.allocate<float>(out.size());
    out_norm().backward_apply(n, out, norm_input, {}, applied_);
    return {applied_, {}, {}, {}, {}};
  }
  ConvMask mask(MaskKind kind, const Array<float>& sums) {
    return kind == MaskKind::batch_norm_relu ? in_norm().mask(in, sums) : ConvMask{in, {}, {}, {}, {}};
  }

  Trial::Output new_out() const { return images_of(geometry.out()); }
  Trial::Output new_in() const { return images_of(geometry.in); }
  Trial::Output new_moments(ImageShape shape) const { return output(2 * padded_channels(context.device, shape)); }
  Trial::Output new_weight() const { return {context.device.allocate<float>(geometry.weight_count())}; }

  TrialContext context;
  ConvGeometry geometry;
  Array<float> in, out, weight;  // out: a residual of the forward pass, the gradient of the backward one

 private:
  BatchNorm& made(std::optional<BatchNorm>& norm, ImageShape shape, std::uint64_t seed) const {
    if (!norm) norm.emplace(random_norm(context, shape, seed));
    return *norm;
  }
  Trial::Output images_of(ImageShape shape) const {
    return output(image_elements(shape, context.device.channel_block()));
  }
  Trial::Output output(std::size_t per_image) const {
    return {context.device.allocate<float>(to_size(context.images) * per_image), per_image};
  }
  std::optional<BatchNorm> in_norm_, out_norm_;
  Array<float> applied_;
};

// The gradient by the input, masked and summed like the fused kernels do it, by whatever kernel runs.
class DataGradient {
 public:
  DataGradient(const TrialContext& c, std::shared_ptr<ConvData> data, const ConvBackwardData::Fusion& fusion)
      : data_(std::move(data)),
        fusion_(fusion),
        fuses_(ConvBackwardData::can_fuse(c.device, data_->geometry, c.kernels)),
        op_(c.device, data_->geometry, fuses_ ? fusion : ConvBackwardData::Fusion{}, c.kernels, c.batch()),
        mask_(c.device, data_->geometry.in, {.affine = false, .activation = ActivationFunction::relu()}, c.batch()) {
    op_.prepare(data_->weight);
  }
  void run(int n, const Array<float>& sums, const Array<float>& to) {
    op_.run(n, data_->gradient(n, fusion_.deferred, !fuses_), data_->mask(fusion_.mask, sums), {}, to);
    if (fuses_) return;
    if (fusion_.mask == MaskKind::batch_norm_relu) data_->in_norm().backward_sums(n, true, to, data_->in, sums);
    if (fusion_.mask == MaskKind::relu) mask_.run(n, {data_->in, {}, {}}, to);
  }

 private:
  std::shared_ptr<ConvData> data_;
  ConvBackwardData::Fusion fusion_;
  bool fuses_;
  ConvBackwardData op_;
  ActivationMask mask_;
};

class FilterGradient {
 public:
  // `view`: the input as it is read, of this kind.
  FilterGradient(const TrialContext& c, std::shared_ptr<ConvData> data, ViewKind kind, View view, bool deferred)
      : data_(std::move(data)),
        view_(std::move(view)),
        deferred_(deferred),
        fuses_(ConvBackwardFilter::can_fuse(c.device, data_->geometry, c.kernels)),
        op_(c.device, data_->geometry, kind, fuses_ && deferred, c.kernels, c.batch()),
        workspace_(c.device.allocate<float>(op_.workspace_floats())) {}
  void run(int n, const Array<float>& to) { op_.run(n, view_, data_->gradient(n, deferred_, !fuses_), workspace_, to); }

 private:
  std::shared_ptr<ConvData> data_;
  View view_;
  bool deferred_, fuses_;
  ConvBackwardFilter op_;
  Array<float> workspace_;
};

// A residual block by the reference convolutions.
class ConvolutionChain {
 public:
  ConvolutionChain(const TrialContext& c, const ResidualBlockGeometry& g)
      : between_(c.device.allocate<float>(to_size(c.images) * image_elements(g.shape, c.device.channel_block()))) {
    const ViewKind normed{.affine = true, .activation = ActivationFunction::relu()};
    if (g.head) head_.emplace(c.device, *g.head, ConvFusion{}, c.kernels, c.batch());
    for (int i = 0; i < 2 * g.units; ++i)
      convolutions_.emplace_back(c.device, g.convolution(), ConvFusion{.view = normed, .residual = i % 2 == 1},
                                 c.kernels, c.batch());
  }
  void prepare(const Array<float>& head, const std::vector<Array<float>>& weights, const std::vector<View>& norms) {
    if (head_) head_->prepare(head);
    for (std::size_t i = 0; i < weights.size(); ++i) convolutions_[i].prepare(weights[i]);
    norms_ = norms;
  }
  void run(int n, const Array<float>& in, const Array<float>& x) {
    Array<float> from = in;
    if (head_) {
      head_->run(n, {in, {}, {}}, {}, x, {});
      from = x;
    }
    for (std::size_t i = 0; i < convolutions_.size(); i += 2) {
      convolutions_[i].run(n, {from, norms_[i].scale, norms_[i].shift}, {}, between_, {});
      convolutions_[i + 1].run(n, {between_, norms_[i + 1].scale, norms_[i + 1].shift}, from, x, {});
      from = x;
    }
  }

 private:
  std::optional<ConvForward> head_;
  std::vector<ConvForward> convolutions_;
  std::vector<View> norms_;
  Array<float> between_;
};

}  // namespace

MakeTrial forward_trial(const ConvGeometry& g, const ConvFusion& fusion) {
  return [=](const TrialContext& c) -> Trial {
    auto data = std::make_shared<ConvData>(c, g);
    auto op = std::make_shared<ConvForward>(c.device, g, fusion, c.kernels, c.batch());
    op->prepare(data->weight, fusion.bias ? c.data.floats(to_size(g.out_channels), 5) : Array<float>());
    const Trial::Output out = data->new_out(), moments = data->new_moments(g.out());
    const auto run = [=](int n) {
      op->run(n, data->view(fusion.view), fusion.residual ? data->out : Array<float>(), out.array, moments.array);
      if (fusion.statistics && !op->fuses_statistics()) data->out_norm().measure(n, out.array, moments.array);
    };
    if (!fusion.statistics) return {run, {out}};
    return {run, {out, moments}};
  };
}

MakeTrial residual_block_trial(const ResidualBlockGeometry& g) {
  return [=](const TrialContext& c) -> Trial {
    const ConvGeometry convolution = g.convolution();
    const Array<float> in = c.data.activation(g.head ? g.head->in : g.shape, c.images, 1);
    const Array<float> head = g.head ? c.data.floats(g.head->weight_count(), 2, 0.1F) : Array<float>();
    std::vector<Array<float>> weights;
    std::vector<View> norms;
    for (int i = 0; i < 2 * g.units; ++i) {
      const std::uint64_t seed = 10 * static_cast<std::uint64_t>(i);
      weights.push_back(c.data.floats(convolution.weight_count(), seed + 3, 0.05F));  // x stays of one size
      norms.push_back(normed_view(c, g.shape, {}, seed + 4));
    }
    const std::size_t per_image = image_elements(g.shape, c.device.channel_block());
    const Trial::Output x{c.device.allocate<float>(to_size(c.images) * per_image), per_image};
    if (c.kernels == KernelClass::reference) {
      auto chain = std::make_shared<ConvolutionChain>(c, g);
      chain->prepare(head, weights, norms);
      return {[=](int n) { chain->run(n, in, x.array); }, {x}};
    }
    auto block = std::make_shared<ResidualBlock>(c.device, g, c.kernels, c.batch());
    block->prepare(head, weights);
    block->prepare_norms(norms);
    return {[=](int n) { block->run(n, in, x.array); }, {x}};
  };
}

MakeTrial data_gradient_trial(const ConvGeometry& g, const ConvBackwardData::Fusion& fusion) {
  return [=](const TrialContext& c) -> Trial {
    auto data = std::make_shared<ConvData>(c, g);
    auto gradient = std::make_shared<DataGradient>(c, data, fusion);
    const Trial::Output to = data->new_in(), sums = data->new_moments(g.in);
    const auto run = [=](int n) { gradient->run(n, sums.array, to.array); };
    if (fusion.mask != MaskKind::batch_norm_relu) return {run, {to}};
    return {run, {to, sums}};
  };
}

MakeTrial filter_gradient_trial(const ConvGeometry& g, ViewKind view, bool deferred) {
  return [=](const TrialContext& c) -> Trial {
    auto data = std::make_shared<ConvData>(c, g);
    auto gradient = std::make_shared<FilterGradient>(c, data, view, data->view(view), deferred);
    const Trial::Output to = data->new_weight();
    return {[=](int n) { gradient->run(n, to.array); }, {to}};
  };
}

MakeTrial both_gradients_trial(const ConvGeometry& g, const ConvBackward::Fusion& fusion) {
  return [=](const TrialContext& c) -> Trial {
    auto data = std::make_shared<ConvData>(c, g);
    const MaskKind mask = fusion.batch_norm ? MaskKind::batch_norm_relu : MaskKind::relu;
    const Trial::Output to = data->new_in(), weight = data->new_weight(), sums = data->new_moments(g.in);
    std::vector<Trial::Output> outputs = {to, weight};
    if (fusion.batch_norm) outputs.push_back(sums);
    if (c.kernels == KernelClass::reference) {
      const ViewKind view{.affine = fusion.batch_norm, .activation = ActivationFunction::relu()};
      auto by_input = std::make_shared<DataGradient>(c, data, ConvBackwardData::Fusion{fusion.deferred, mask, false});
      const View as_masked = fusion.batch_norm ? data->in_norm().view(data->in) : data->view(view);
      auto by_filters = std::make_shared<FilterGradient>(c, data, view, as_masked, fusion.deferred);
      const auto run = [=](int n) {
        by_input->run(n, sums.array, to.array);
        by_filters->run(n, weight.array);
      };
      return {run, outputs};
    }
    auto op = std::make_shared<ConvBackward>(c.device, g, fusion, c.batch());
    op->prepare(data->weight);
    const Array<float> workspace = c.device.allocate<float>(op->workspace_floats());
    const auto run = [=](int n) {
      op->run(n, data->gradient(n, fusion.deferred, false), data->mask(mask, sums.array), workspace, to.array,
              weight.array);
    };
    return {run, outputs};
  };
}

}  // namespace cascadecl
