#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// The normalised image: the first layer of a network, and only the first.
struct Input : LayerType {
  static constexpr std::string_view type = "input";
  static constexpr InputCount inputs{0, 0};
  ImageShape output(const LayerInputs&) const { return {}; }  // the network knows it
  void lower(Lowerer& lowerer) const;
  bool operator==(const Input&) const = default;
};

}  // namespace cascadecl::layers
