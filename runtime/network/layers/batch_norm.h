#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl {

// Added to the variance before the square root, in every batch norm.
constexpr float batch_norm_epsilon = 1e-5F;

namespace layers {

// Normalises each channel. Parameters: gamma, beta, running_mean, running_variance, each [C].
struct BatchNorm : LayerType {
  static constexpr std::string_view type = "batch_norm";
  ImageShape output(const LayerInputs& in) const { return in[0].shape; }
  std::vector<Parameter> parameters(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const BatchNorm&) const = default;
};

}  // namespace layers
}  // namespace cascadecl
