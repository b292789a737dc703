#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// max(x, 0)
struct Relu : LayerType {
  static constexpr std::string_view type = "relu";
  ImageShape output(const LayerInputs& in) const { return in[0].shape; }
  void lower(Lowerer& lowerer) const;
  bool operator==(const Relu&) const = default;
};

}  // namespace cascadecl::layers
