#pragma once
#include <cstdint>

namespace cascadecl {

// A 16-bit float of IEEE 754 as it lies in memory: 11 significant bits, largest finite value 65504.
struct Half {
  std::uint16_t bits = 0;
  bool operator==(const Half&) const = default;
};

// The nearest half; of two that are equally near, the even one. Values beyond the largest become infinite. NaN stays
// NaN.
Half to_half(float value);
float to_float(Half value);  // exact

}  // namespace cascadecl
