#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/layers/attributes.h"
#include "runtime/ops/image_shape.h"

// What a layer type tells of itself. A type is a struct whose members are its attributes. It derives from LayerType and
// hides what is different for it:
//
//   static constexpr std::string_view type          its name in layer lists and messages: "conv"
//   static constexpr InputCount inputs              how many inputs it takes
//   void visit(Attributes&)                         names its attributes to the reader and the writer of layer lists
//   std::string fault() const                       what is wrong with its attributes; empty if nothing is
//   ImageShape output(const LayerInputs&) const     the shape that it gives; throws ShapeError if the inputs do not fit
//   std::int64_t macs(const LayerInputs&, const ImageShape& output) const      multiply-adds for one image
//   std::vector<Parameter> parameters(const LayerInputs&) const                its learned values
//   void lower(Lowerer&) const                      the launches that compute it, see lowerer.h
//
// A type is added to the list in layer.h; all else follows from there.
namespace cascadecl {

class Lowerer;

constexpr std::int64_t max_values = std::numeric_limits<std::int32_t>::max();  // in an activation, in all parameters
constexpr std::int64_t max_layer_macs = std::int64_t{1} << 48;

// The product of positive sizes, or limit + 1 if it is larger than limit (< 2^62).
std::int64_t bounded_product(std::initializer_list<std::int64_t> sizes, std::int64_t limit);

struct InputCount {
  std::size_t least = 1, most = 1;
};

// What comes into a layer: the name of an earlier layer, and the shape of its output.
struct LayerInput {
  std::string name;
  ImageShape shape;
};
using LayerInputs = std::vector<LayerInput>;

// A learned array of a layer.
struct Parameter {
  enum class Initial { zero, one, he };  // he: normal with variance 2 / fan-in (He et al. 2015)

  std::string name;
  std::vector<int> shape;  // weights: outputs first, the rest is the fan-in
  Initial initial = Initial::zero;
  bool trained = true;  // else a statistic, which no optimiser changes
  bool may_be_negative = true;

  std::int64_t values() const;  // the product of its sizes, at most max_values + 1
};

// What holds for a type that says nothing else: one input, no attributes, no parameters, no multiply-adds.
struct LayerType {
  static constexpr InputCount inputs{1, 1};
  void visit(Attributes&) {}
  std::string fault() const { return {}; }
  std::int64_t macs(const LayerInputs&, const ImageShape&) const { return 0; }
  std::vector<Parameter> parameters(const LayerInputs&) const { return {}; }
  bool operator==(const LayerType&) const = default;
};

}  // namespace cascadecl
