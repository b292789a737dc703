#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// The sum of two inputs of equal shape.
struct Add : LayerType {
  static constexpr std::string_view type = "add";
  static constexpr InputCount inputs{2, 2};
  ImageShape output(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const Add&) const = default;
};

}  // namespace cascadecl::layers
