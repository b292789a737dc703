#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// Its inputs one after the other along the channels: [C1,H,W], [C2,H,W], ... -> [C1+C2+...,H,W].
struct Concat : LayerType {
  static constexpr std::string_view type = "concat";
  static constexpr InputCount inputs{2, 1024};
  ImageShape output(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const Concat&) const = default;
};

}  // namespace cascadecl::layers
