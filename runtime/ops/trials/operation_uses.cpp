#include "runtime/ops/trials/operation_uses.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/ops/batch_norm.h"
#include "runtime/ops/compact.h"
#include "runtime/ops/conv_list.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/sgd.h"
#include "runtime/ops/trials/conv_trials.h"
#include "runtime/ops/trials/plain_trials.h"

namespace cascadecl {
namespace {

template <class P, class Geometry>
TuningUse use_of(const Device& device, const Lookup<P, Geometry>& lookup, std::size_t floats, double work,
                 const MakeTrial& trial) {
  return {.key = lookup.key,
          .candidates = [device, lookup] { return values_to_try(device, lookup); },
          .floats = floats,
          .work = work,
          .fusion = {},
          .trial = trial};
}

double macs(const ConvGeometry& g) { return static_cast<double>(g.weight_count()) * g.out().height * g.out().width; }

std::size_t larger_activation(const Device& device, const ConvGeometry& g) {
  return std::max(image_elements(g.in, device.channel_block()), image_elements(g.out(), device.channel_block()));
}

TuningUse convolution_use(const Device& device, const conv::TuningOffer& offer, const ConvGeometry& g,
                          std::string fusion, MakeTrial trial) {
  return {.key = offer.key,
          .candidates = offer.candidates,
          .floats = larger_activation(device, g),
          .work = macs(g),
          .fusion = std::move(fusion),
          .trial = std::move(trial)};
}

template <class Direction>
TuningUses convolution_uses(const Device& device, const typename Direction::Problem& problem, KernelClass kernels,
                            BatchClass batch, std::string fusion, MakeTrial trial) {
  const auto offer = conv::tuning_offer<Direction>(device, problem, kernels, batch);
  if (!offer) return {};
  return {convolution_use(device, *offer, problem.geometry, std::move(fusion), std::move(trial))};
}

std::string text_of(ViewKind view) { return fmt::format("{} {}", view.affine, static_cast<int>(view.activation.kind)); }

}  // namespace

TuningUse piece_use(const Device& device, const PieceProblem& problem, std::size_t floats, const MakeTrial& trial) {
  return use_of(device, Lookup<Piece, PieceProblem>{problem.key, problem}, floats, static_cast<double>(floats), trial);
}

TuningUse dense_use(const Device& device, int in, int out, BatchClass batch) {
  return piece_use(device, Dense::forward_problem(device, in, out, batch), to_size(in) * to_size(out),
                   dense_trial(in, out));
}

TuningUse elementwise_use(const Device& device, std::string_view kernel, ImageShape shape, ViewKind view,
                          BatchClass batch) {
  return piece_use(device, elementwise_problem(device, kernel, shape, batch),
                   image_elements(shape, device.channel_block()), elementwise_trial(kernel, shape, view));
}

TuningUses batch_norm_uses(const Device& device, ImageShape shape, BatchClass batch) {
  const std::size_t floats = image_elements(shape, device.channel_block());
  TuningUses uses = {
      piece_use(device, BatchNorm::apply_problem(device, shape, batch), floats, batch_norm_apply_trial(shape))};
  if (!coarse_items(device))
    uses.push_back(use_of(device, Lookup<BatchNormGroup, ImageShape>{BatchNorm::sums_key(device, shape, batch), shape},
                          floats, static_cast<double>(floats), batch_norm_sums_trial(shape)));
  return uses;
}

TuningUse sgd_use(const Device& device, std::size_t count) {
  return piece_use(device, Sgd::step_problem(device, count), count, sgd_trial(count));
}

TuningUses survivor_uses(const Device& device, std::size_t row, BatchClass batch) {
  return {piece_use(device, Compact::select_problem(device, batch), 1, select_trial()),
          piece_use(device, Compact::gather_problem(device, row, batch), row, gather_trial(row))};
}

TuningUses forward_uses(const Device& device, const ConvGeometry& g, const ConvFusion& fusion, KernelClass kernels,
                        BatchClass batch) {
  return convolution_uses<conv::Forward>(
      device, {g, fusion}, kernels, batch,
      fmt::format("{} {} {} {}", text_of(fusion.view), fusion.residual, fusion.statistics, fusion.bias),
      forward_trial(g, fusion));
}

TuningUses data_gradient_uses(const Device& device, const ConvGeometry& g, const ConvBackwardData::Fusion& fusion,
                              KernelClass kernels, BatchClass batch) {
  return convolution_uses<conv::BackwardData>(
      device, {g, fusion}, kernels, batch,
      fmt::format("{} {} {}", fusion.deferred, static_cast<int>(fusion.mask), fusion.residual),
      data_gradient_trial(g, fusion));
}

TuningUses filter_gradient_uses(const Device& device, const ConvGeometry& g, ViewKind view, bool deferred,
                                KernelClass kernels, BatchClass batch) {
  return convolution_uses<conv::BackwardFilter>(device, {g, view, deferred}, kernels, batch,
                                                fmt::format("{} {}", text_of(view), deferred),
                                                filter_gradient_trial(g, view, deferred));
}

TuningUses both_gradients_uses(const Device& device, const ConvGeometry& g, const ConvBackward::Fusion& fusion,
                               BatchClass batch) {
  TuningUse use = use_of(device, ConvBackward::lookup(device, g, batch), larger_activation(device, g), macs(g),
                         both_gradients_trial(g, fusion));
  use.fusion = fmt::format("{} {}", fusion.deferred, fusion.batch_norm);
  return {std::move(use)};
}

TuningUses residual_block_uses(const Device& device, const ResidualBlockGeometry& geometry, bool splits,
                               KernelClass kernels, BatchClass batch) {
  ResidualBlockGeometry g = geometry;
  g.pooled = false;  // no tunable has to do with it
  const int block = device.channel_block();
  const std::size_t floats = std::max(image_elements(g.shape, block), g.head ? image_elements(g.head->in, block) : 0);
  const double work = 2 * g.units * macs(g.convolution()) + (g.head ? macs(*g.head) : 0);
  TuningUse whole =
      use_of(device, Lookup<BlockTunables, ResidualBlockGeometry>{ResidualBlock::tuning_key(g, block, batch), g},
             floats, work, residual_block_trial(g));
  whole.fusion = std::to_string(g.units);
  TuningUses uses = {std::move(whole)};
  if (!splits) return uses;
  const ViewKind normed{.affine = true, .activation = ActivationFunction::relu()};
  if (g.head) append(uses, forward_uses(device, *g.head, {}, kernels, batch));
  append(uses, forward_uses(device, g.convolution(), {.view = normed}, kernels, batch));
  append(uses, forward_uses(device, g.convolution(), {.view = normed, .residual = true}, kernels, batch));
  return uses;
}

}  // namespace cascadecl
