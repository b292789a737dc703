#pragma once
#include "runtime/network/layers/layer_type.h"

namespace cascadecl::layers {

// The channels of G equal groups, taken in turns: channel g C/G + i goes to place i G + g. After a convolution in
// groups, each group of the next one so reads channels of all groups (ShuffleNet).
struct ChannelShuffle : LayerType {
  int groups = 1;

  static constexpr std::string_view type = "channel_shuffle";
  void visit(Attributes& attributes);
  std::string fault() const;
  ImageShape output(const LayerInputs& in) const;
  void lower(Lowerer& lowerer) const;
  bool operator==(const ChannelShuffle&) const = default;
};

}  // namespace cascadecl::layers
