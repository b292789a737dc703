#pragma once
#include <algorithm>

namespace cascadecl {

// The function that a view applies to every value. Each maps 0 to 0, so that padding stays zero.
struct ActivationFunction {
  enum class Kind { none, relu, clip };  // the numbers of ACTIVATION_ and PASSES_ in kernels/common.h
  Kind kind = Kind::none;
  float low = 0, high = 0;  // of clip: low <= 0 <= high

  static constexpr ActivationFunction relu() { return {Kind::relu}; }
  static constexpr ActivationFunction clip(float low, float high) { return {Kind::clip, low, high}; }

  bool none() const { return kind == Kind::none; }
  // The function that applies this one and then `next`.
  ActivationFunction then(const ActivationFunction& next) const {
    if (none() || next.none()) return none() ? next : *this;
    if (kind == Kind::relu && next.kind == Kind::relu) return *this;
    if (next.kind == Kind::relu) return clip(0, high);
    if (kind == Kind::relu) return clip(0, next.high);
    return clip(std::max(low, next.low), std::min(high, next.high));
  }
  bool operator==(const ActivationFunction&) const = default;
};

}  // namespace cascadecl
