#include "runtime/opencl/half.h"

#include <bit>
#include <cmath>

namespace cascadecl {
namespace {

constexpr std::uint32_t kSign = 0x8000, kInfinity = 0x7C00, kNan = 0x7E00;
constexpr float kSmallestNormal = 0x1p-14F, kSubnormalStep = 0x1p-24F, kOverflow = 65520;

}  // namespace

Half to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value), sign = bits >> 16 & kSign;
  const float size = std::abs(value);
  std::uint32_t magnitude = kNan;
  if (size >= kOverflow) {
    magnitude = kInfinity;
  } else if (size < kSmallestNormal) {
    magnitude = static_cast<std::uint32_t>(std::nearbyint(size / kSubnormalStep));
  } else if (!std::isnan(value)) {
    const std::uint32_t rebiased = (bits & 0x7FFFFFFF) - (112U << 23);
    magnitude = (rebiased + 0xFFF + (rebiased >> 13 & 1)) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | magnitude)};
}

float to_float(Half value) {
  const std::uint32_t exponent = value.bits >> 10 & 31U, fraction = value.bits & 0x3FFU;
  float size = 0;
  if (exponent == 0) {
    size = static_cast<float>(fraction) * kSubnormalStep;
  } else {
    size = std::bit_cast<float>((exponent == 31 ? 255U : exponent + 112) << 23 | fraction << 13);
  }
  return value.bits & kSign ? -size : size;
}

}  // namespace cascadecl
