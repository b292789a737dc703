#pragma once

namespace cascadecl {

// What a view applies to every value that it reads.
struct ActivationFunction {
  enum class Kind { none, relu };
  Kind kind = Kind::none;

  static constexpr ActivationFunction relu() { return {Kind::relu}; }
  bool none() const { return kind == Kind::none; }
  bool operator==(const ActivationFunction&) const = default;
};

}  // namespace cascadecl
