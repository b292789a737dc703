#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// min(max(x, low), high), with low <= 0 <= high: ReLU6 is clip 0 to 6.
struct Clip : LayerType {
  float low = 0, high = 6;

  static constexpr std::string_view type = "clip";
  void visit(Attributes& attributes);
  std::string fault() const;
  ImageShape output(const LayerInputs& in) const { return in[0].shape; }
  void lower(Lowerer& lowerer) const;
  bool operator==(const Clip&) const = default;
};

}  // namespace cascadecl::layers
