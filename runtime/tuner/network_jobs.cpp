#include "runtime/tuner/network_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/network/inference_plan.h"
#include "runtime/network/lowering.h"
#include "runtime/network/step_geometry.h"
#include "runtime/network/steps/step.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/batch_norm.h"
#include "runtime/ops/compact.h"
#include "runtime/ops/conv_list.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/layout.h"
#include "runtime/tuner/conv_trials.h"
#include "runtime/tuner/plain_trials.h"

namespace cascadecl {
namespace {

constexpr auto kernels = KernelClass::automatic;
constexpr int most_checked = 19;                           // odd, and more than two images for each of 8 slices
constexpr std::size_t most_floats = std::size_t{1} << 26;  // of an activation that is timed

// What a plan on the device looks up.
std::set<TuningKey> keys_of(const Device& device, const Network& network, int batch, bool train) {
  const Device rehearsal = device.with_tuning(Tuning()).rehearsal();
  if (train)
    TrainingPlan(rehearsal, network, zero_parameters(network), batch);
  else
    InferencePlan(rehearsal, network, zero_parameters(network), batch);
  return rehearsal.tuning().asked();
}

class Collector {
 public:
  explicit Collector(const Device& device) : device_(device), target_(TuningTarget::of(device.info())) {}

  // All kernels with tunables that might run some layer are offered; those whose keys the plan looks up are taken.
  void add(const Network& network, int batch, bool train) {
    keys_ = keys_of(device_, network, batch, train);
    network_ = &network;
    max_batch_ = batch;
    batch_ = batch_class(batch);
    lowering_ = lower(network);
    for (const LoweredStep& step : lowering_.steps) add_step(step, train);
    for (const LoweredTensor& tensor : lowering_.tensors) {
      if (!tensor.rows) add_tensor(tensor.shape);
    }
    if (train) {
      add_sgd();
      add_survivors();
    } else {
      add_stages();
      add_policy();
    }
  }

  std::vector<TuningJob> jobs() && {
    std::vector<TuningJob> jobs;
    for (auto& [key, found] : found_) jobs.push_back(std::move(found.job));
    std::ranges::stable_sort(jobs, std::greater<>(), &TuningJob::work);
    return jobs;
  }

 private:
  // Uses are told apart by their labels.
  struct Found {
    TuningJob job;
    std::set<std::string> labels;
  };

  ImageShape shape(int tensor) const { return lowering_.tensors[to_size(tensor)].shape; }
  ConvGeometry geometry(const LoweredStep& step) const { return conv_geometry(*network_, lowering_, step); }
  static double macs(const ConvGeometry& g) {
    return static_cast<double>(g.weight_count()) * g.out().height * g.out().width;
  }

  // floats: of the largest activation, by image; work: by image.
  void offer(const conv::TuningOffer& tuning, std::size_t floats, double work, const std::string& label,
             MakeTrial use) {
    if (!keys_.contains(tuning.key)) return;
    const auto [found, fresh] = found_.try_emplace(tuning.key);
    TuningJob& job = found->second.job;
    if (fresh) {
      const auto images = static_cast<int>(
          std::clamp<std::size_t>(most_floats / std::max<std::size_t>(floats, 1), 1, to_size(max_batch_)));
      job = {.key = tuning.key,
             .layers = fmt::format("{} {}", network_->name(), name_),
             .candidates = tuning.candidates(),
             .images = images,
             .checked_images = std::min(images, most_checked),
             .max_batch = max_batch_,
             .work = work * images,
             .uses = {}};
    }
    if (found->second.labels.insert(label).second) job.uses.push_back(std::move(use));
  }
  template <class P, class Geometry>
  void offer(const Lookup<P, Geometry>& lookup, std::size_t floats, double work, const std::string& label,
             MakeTrial use) {
    offer({lookup.key, [&] { return values_to_try(device_, lookup); }}, floats, work, label, std::move(use));
  }
  void offer(const PieceWork& work, std::size_t floats, MakeTrial use) {
    offer(Lookup<Piece, PieceWork>{work.key, work}, floats, static_cast<double>(floats), "", std::move(use));
  }
  void offer_convolution(const conv::TuningOffer& tuning, const ConvGeometry& g, const std::string& label,
                         MakeTrial use) {
    const std::size_t floats = std::max(image_elements(g.in, target_.block), image_elements(g.out(), target_.block));
    offer(tuning, floats, macs(g), label, std::move(use));
  }
  // What the implementation that runs the problem has to tune.
  template <class Direction>
  void offer_convolution(const typename Direction::Problem& problem, const std::string& label, MakeTrial use) {
    if (const auto tuning = conv::tuning_offer<Direction>(device_, problem, kernels, batch_))
      offer_convolution(*tuning, problem.geometry, label, std::move(use));
  }

  void add_step(const LoweredStep& step, bool train) {
    name_ = layer_names(*network_, step);
    const ViewKind view{step.in().batch_norm >= 0, step.in().activation == ActivationFunction::relu()};
    const ImageShape in = shape(step.in().tensor);
    if (step.kind == &convolution_step) {
      add_forward(step, view, train);
      if (train) add_gradients(step, view);
    } else if (step.kind == &dense_step) {
      const int out = shape(step.out()).channels;
      offer(Dense::forward_work(device_, in.channels, out, batch_), to_size(in.channels) * to_size(out),
            dense_trial(in.channels, out));
    } else if (step.kind == &cascadecl::add_step) {
      add_elementwise("add_views", in, view);
    } else if (step.kind == &materialize_step) {
      add_elementwise("materialize", in, view);
    }
    if (train && view.relu) add_elementwise("relu_mask", in, view);
  }

  void add_forward(const LoweredStep& step, ViewKind view, bool train) {
    const ConvGeometry g = geometry(step);
    const ConvFusion fusion{view, step.inputs.size() > 1,
                            train && !lowering_.tensors[to_size(step.out())].batch_norms.empty()};
    const std::string label = fmt::format("{} {} {} {}", view.affine, view.relu, fusion.residual, fusion.statistics);
    offer_convolution<conv::Forward>({g, fusion}, label, forward_trial(g, fusion));
  }

  void add_gradients(const LoweredStep& step, ViewKind view) {
    const ConvGeometry g = geometry(step);
    // The gradient waits as a pair where its only reader is a batch norm.
    const LoweredTensor& out = lowering_.tensors[to_size(step.out())];
    const bool pair = out.readers == 1 && !out.batch_norms.empty() && step.inputs.size() == 1;
    const MaskKind mask = !view.relu ? MaskKind::none : view.affine ? MaskKind::batch_norm_relu : MaskKind::relu;
    const std::string label = fmt::format("{} {} {}", view.affine, view.relu, pair);
    if (view.relu) {
      const auto lookup = ConvBackward::lookup(device_, g, batch_);
      offer_convolution({lookup.key, [&] { return values_to_try(device_, lookup); }}, g, label,
                        both_gradients_trial(g, {.pair = pair, .batch_norm = view.affine}));
    }
    const bool fuses = ConvBackwardData::can_fuse(device_, g, kernels);
    const auto fusion = fuses ? ConvBackwardData::Fusion{pair, mask, false} : ConvBackwardData::Fusion{};
    offer_convolution<conv::BackwardData>({g, fusion}, fuses ? label : "", data_gradient_trial(g, fusion));
    const bool pair_by_filter = pair && ConvBackwardFilter::can_fuse(device_, g, kernels);
    offer_convolution<conv::BackwardFilter>({g, view, pair_by_filter},
                                            fmt::format("{} {} {}", view.affine, view.relu, pair_by_filter),
                                            filter_gradient_trial(g, view, pair_by_filter));
  }

  void add_elementwise(std::string_view kernel, ImageShape shape, ViewKind view) {
    offer(elementwise_work(device_, kernel, shape, batch_), image_elements(shape, target_.block),
          elementwise_trial(kernel, shape, view));
  }

  // What runs between layers.
  void add_tensor(ImageShape shape) {
    name_ = fmt::format("tensors [{},{},{}]", shape.channels, shape.height, shape.width);
    const std::size_t floats = image_elements(shape, target_.block);
    add_elementwise("accumulate", shape, {});
    offer(BatchNorm::apply_work(device_, shape, batch_), floats, batch_norm_apply_trial(shape));
    offer(Lookup<BatchNormGroup, ImageShape>{BatchNorm::sums_key(device_, shape, batch_), shape}, floats,
          static_cast<double>(floats), "", batch_norm_sums_trial(shape));
  }

  void add_sgd() {
    name_ = "all parameters";
    for (const TuningKey& key : keys_) {
      if (key.kernel != "sgd") continue;
      const std::size_t count = to_size(key.in_channels);  // as the plan lays them out
      offer(Sgd::step_work(device_, count), count, sgd_trial(count));
    }
  }

  // Residual stages, as inference fuses them.
  void add_stages() {
    const Lowering fused = fuse_for_device(device_, *network_, lowering_, kernels, max_batch_);
    for (const LoweredStep& step : fused.steps) {
      if (step.kind != &residual_stage_step) continue;
      name_ = layer_names(*network_, step);
      ResidualStageGeometry g = stage_geometry(*network_, lowering_, step);
      g.pooled = false;  // no tunable has to do with it
      const std::size_t floats =
          std::max(image_elements(g.shape, target_.block), g.head ? image_elements(g.head->in, target_.block) : 0);
      const double work = 2 * g.units * macs(g.convolution()) + (g.head ? macs(*g.head) : 0);
      offer(Lookup<StageTunables, ResidualStageGeometry>{ResidualStage::tuning_key(g, target_.block, batch_), g},
            floats, work, std::to_string(g.units), residual_stage_trial(g));
    }
  }

  // What the joint phase of training runs between a cascade's stages.
  void add_survivors() {
    name_ = "survivors";
    const std::size_t row = image_elements(network_->input_shape(), target_.block);
    const PieceWork select = Compact::select_work(device_, batch_), gather = Compact::gather_work(device_, row, batch_);
    keys_.insert({select.key, gather.key});
    offer(select, 1, select_trial());
    offer(gather, row, gather_trial(row));
  }

  // What decides behind a stage of a cascade.
  void add_policy() {
    name_ = "policy";
    const PolicySize policy{network_->classes(), default_hidden(network_->classes())};
    const TuningKey key = policy_key(policy, target_.block, batch_);
    keys_.insert(key);
    const std::size_t weights = policy_weight_count(policy);
    offer(Lookup<PolicyTiling, PolicySize>{key, policy}, to_size(policy.classes), static_cast<double>(weights), "",
          policy_trial(policy));
  }

  Device device_;
  TuningTarget target_;
  std::map<TuningKey, Found> found_;
  // Of the network being added:
  std::set<TuningKey> keys_;
  const Network* network_ = nullptr;
  Lowering lowering_;
  int max_batch_ = 1;
  BatchClass batch_ = BatchClass::many;
  std::string name_;  // of the layers at hand
};

}  // namespace

std::vector<TuningJob> network_jobs(const Device& device, const std::vector<Network>& networks,
                                    const NetworkJobSettings& settings) {
  Collector collector(
      device.with_tuning(Tuning({{TuningSource::shipped, shipped_tuning(device.info().tuning_class())}})));
  for (const Network& network : networks) {
    for (const int batch : settings.batches) {
      if (settings.infer) collector.add(network, batch, false);
      if (settings.train) collector.add(network, batch, true);
    }
  }
  return std::move(collector).jobs();
}

}  // namespace cascadecl
