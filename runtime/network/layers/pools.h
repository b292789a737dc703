#pragma once
#include "runtime/network/layers/window.h"

namespace cascadecl::layers {

// The mean of the pixels of a window that are inside the image.
struct AveragePool : LayerType {
  Window window;

  static constexpr std::string_view type = "average_pool";
  void visit(Attributes& attributes) { window.visit(attributes); }
  std::string fault() const { return window.fault(); }
  ImageShape output(const LayerInputs& in) const { return window.output(in[0].shape, in[0].shape.channels); }
  void lower(Lowerer& lowerer) const;
  bool operator==(const AveragePool&) const = default;
};

// The largest of the pixels of a window that are inside the image.
struct MaxPool : LayerType {
  Window window;

  static constexpr std::string_view type = "max_pool";
  void visit(Attributes& attributes) { window.visit(attributes); }
  std::string fault() const { return window.fault(); }
  ImageShape output(const LayerInputs& in) const { return window.output(in[0].shape, in[0].shape.channels); }
  void lower(Lowerer& lowerer) const;
  bool operator==(const MaxPool&) const = default;
};

// The mean of each channel: [C,H,W] -> [C,1,1].
struct GlobalAveragePool : LayerType {
  static constexpr std::string_view type = "global_average_pool";
  ImageShape output(const LayerInputs& in) const { return {in[0].shape.channels, 1, 1}; }
  void lower(Lowerer& lowerer) const;
  bool operator==(const GlobalAveragePool&) const = default;
};

}  // namespace cascadecl::layers
