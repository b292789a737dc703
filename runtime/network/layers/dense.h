#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// Fully connected, [C,1,1] -> [out_channels,1,1]. Parameters: weight [out][in], bias [out].
struct Dense : LayerType {
  int out_channels = 0;

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
