#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/lowering.h"
#include "runtime/network/parameter_store.h"
#include "runtime/ops/batch_norm.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/trials/tuning_use.h"
#include "runtime/ops/view.h"

namespace cascadecl {

struct PassSettings {
  int max_batch = 1;
  KernelClass kernels = KernelClass::automatic;
  bool training = false;  // steps measure what batch norm needs, and keep what their gradients need
  Precision precision = Precision::fp32;
};

// What the steps of a pass have in common: the lowered network, its tensors in memory, its batch norms and parameters.
class PassState {
 public:
  // Holds on to `parameters`. Tensors have no memory yet.
  PassState(const Device& device, const Network& network, const ParameterStore& parameters, Lowering lowering,
            const PassSettings& settings);

  const Device& device() const { return device_; }
  const Network& network() const { return network_; }
  const Lowering& lowering() const { return lowering_; }
  const PassSettings& settings() const { return settings_; }
  BatchClass batch() const { return batch_class(settings_.max_batch); }

  const Layer& layer(int i) const { return network_.layers()[to_size(i)]; }
  // A parameter of a layer, by its own name: "weight".
  const Array<float>& parameter(int layer, std::string_view name) const;

  const LoweredTensor& tensor(int i) const { return lowering_.tensors[to_size(i)]; }
  ImageShape shape(int tensor) const { return this->tensor(tensor).shape; }
  ImageShape shape(const LoweredView& in) const { return shape(in.tensor); }
  std::size_t elements(int tensor) const;  // of max_batch images or rows
  std::size_t elements_of_one(int tensor) const { return elements(tensor) / to_size(settings_.max_batch); }
  Precision precision(int tensor) const;  // rows are always floats
  const ActivationArray& activation(int tensor) const { return tensors_[to_size(tensor)]; }
  Array<float> floats(int tensor) const { return activation(tensor).floats(); }  // where it holds floats
  void set_tensors(std::vector<ActivationArray> tensors) { tensors_ = std::move(tensors); }
  void set_images(const ActivationArray& images) { tensors_[0] = images; }

  ViewKind kind(const LoweredView& in) const;
  View view(const LoweredView& in) const;

  BatchNorm& norm(int layer) { return norms_.at(layer); }
  const BatchNorm& norm(int layer) const { return norms_.at(layer); }
  // Parameters of the batch norms that are frozen; after each change of them.
  void prepare_frozen_norms();
  // Normalises a tensor by its n images. `measured`: their moments are in moments() already.
  void prepare_norms(int tensor, int n, bool measured);
  TuningUses norm_uses() const;  // kernels with tunables that the batch norms run
  // Array for the moments or sums of the largest tensor, [max_batch][2][C padded], free between steps.
  const Array<float>& moments() const { return moments_; }

 private:
  BatchNorm::ParameterArrays norm_parameters(int layer) const;

  Device device_;
  Network network_;
  const ParameterStore& parameters_;
  Lowering lowering_;
  PassSettings settings_;
  std::map<int, BatchNorm> norms_;  // by layer
  std::vector<ActivationArray> tensors_;
  Array<float> moments_;
};

}  // namespace cascadecl
