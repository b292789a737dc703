#pragma once
#include "runtime/network/layers/window.h"

namespace cascadecl::layers {

// A convolution; pixels outside the image are zero. Its channels fall into `groups` equal groups: an output channel
// reads the input channels of its own group alone. Parameters: weight [K][C/groups][R][S] and, if it has one, bias [K].
struct Convolution : LayerType {
  int out_channels = 0;
  Window window;
  bool bias = false;
  int groups = 1;

  static constexpr std::string_view type = "conv";
  void visit(Attributes& attributes);
  std::string fault() const;
  ImageShape output(const LayerInputs& in) const;
  std::int64_t macs(const LayerInputs& in, const ImageShape& output) const;
  std::vector<Parameter> parameters(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const Convolution&) const = default;
};

}  // namespace cascadecl::layers
