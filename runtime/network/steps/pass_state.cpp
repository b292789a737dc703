#include "runtime/network/steps/pass_state.h"

#include <algorithm>

#include "runtime/ops/trials/operation_uses.h"

namespace cascadecl {

PassState::PassState(const Device& device, const Network& network, const ParameterStore& parameters, Lowering lowering,
                     const PassSettings& settings)
    : device_(device),
      network_(network),
      parameters_(parameters),
      lowering_(std::move(lowering)),
      settings_(settings),
      tensors_(lowering_.tensors.size()) {
  const BatchNormUse use = settings.training ? BatchNormUse::training : BatchNormUse::inference;
  std::size_t channels = 0;
  for (const LoweredTensor& t : lowering_.tensors) {
    for (int i : t.batch_norms) {
      const BatchNorm& norm = norms_.try_emplace(i, device, t.shape, batch(), use).first->second;
      channels = std::max(channels, norm.padded_channels());
    }
  }
  if (settings.training && channels) moments_ = device.allocate<float>(to_size(settings.max_batch) * 2 * channels);
}

const Array<float>& PassState::parameter(int i, std::string_view name) const {
  return parameters_[layer(i).name + "/" + std::string(name)];
}

std::size_t PassState::elements(int i) const {
  const LoweredTensor& t = tensor(i);
  const std::size_t one = t.rows ? to_size(t.shape.channels) : image_elements(t.shape, device_.channel_block());
  return to_size(settings_.max_batch) * one;
}

Precision PassState::precision(int i) const { return tensor(i).rows ? Precision::fp32 : settings_.precision; }

ViewKind PassState::kind(const LoweredView& in) const {
  return {in.batch_norm >= 0, in.activation, settings_.precision};
}

View PassState::view(const LoweredView& in) const {
  const ActivationArray& data = activation(in.tensor);
  return in.batch_norm < 0 ? View{data, {}, {}} : norm(in.batch_norm).view(data);
}

BatchNorm::ParameterArrays PassState::norm_parameters(int i) const {
  return {parameter(i, "gamma"), parameter(i, "beta"), parameter(i, "running_mean"), parameter(i, "running_variance")};
}

void PassState::prepare_frozen_norms() {
  for (auto& [i, norm] : norms_) norm.prepare_frozen(norm_parameters(i));
}

void PassState::prepare_norms(int i, int n, bool measured) {
  bool first = true;
  for (int layer : tensor(i).batch_norms) {
    BatchNorm& norm = norms_.at(layer);
    if (first && !measured) norm.measure(n, floats(i), moments_);
    norm.prepare(n, moments_, norm_parameters(layer));
    first = false;
  }
}

TuningUses PassState::norm_uses() const {
  TuningUses all;
  if (!settings_.training) return all;
  for (const LoweredTensor& t : lowering_.tensors) {
    if (t.batch_norms.empty()) continue;
    TuningUses uses = batch_norm_uses(device_, t.shape, batch());
    for (TuningUse& use : uses) use.layers = layer(t.batch_norms.front()).name;
    append(all, std::move(uses));
  }
  return all;
}

}  // namespace cascadecl
