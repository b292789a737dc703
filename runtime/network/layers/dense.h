#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// Fully connected, [C,1,1] -> [out_channels,1,1]. The last layer of a network is one and gives the logits. Parameters:
// weight [out][in] and, unless it has none, bias [out].
struct Dense : LayerType {
  int out_channels = 0;
  bool bias = true;

  static constexpr std::string_view type = "dense";
  void visit(Attributes& attributes);
  std::string fault() const;
  ImageShape output(const LayerInputs& in) const;
  std::int64_t macs(const LayerInputs& in, const ImageShape& output) const;
  std::vector<Parameter> parameters(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const Dense&) const = default;
};

}  // namespace cascadecl::layers
