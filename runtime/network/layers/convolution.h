#pragma once
#include "runtime/network/layers/window.h"

namespace cascadecl::layers {

// A convolution without bias; pixels outside the image are zero. Parameter: weight [K][C][R][S].
struct Convolution : LayerType {
  int out_channels = 0;
  Window window;

  static constexpr std::string_view type = "conv";
  void visit(Attributes& attributes);
  std::string fault() const;
  ImageShape output(const LayerInputs& in) const { return window.output(in[0].shape, out_channels); }
  std::int64_t macs(const LayerInputs& in, const ImageShape& output) const;
  std::vector<Parameter> parameters(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const Convolution&) const = default;
};

}  // namespace cascadecl::layers
