#pragma once
#include <fmt/format.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

// Reasons why values of tunables cannot run, for the parameter structs of the kernels. Empty where they can.
namespace cascadecl {

// The first text that is not empty.
inline std::string first_of(std::initializer_list<std::string> faults) {
  for (const std::string& fault : faults) {
    if (!fault.empty()) return fault;
  }
  return {};
}

inline std::string out_of_range(std::string_view name, int value, int least, int most) {
  if (value >= least && value <= most) return {};
  return fmt::format("{} {} is outside {}..{}", name, value, least, most);
}

inline std::string no_divisor(std::string_view name, int value, int whole) {
  if (value > 0 && whole % value == 0) return {};
  return fmt::format("{} {} does not divide {}", name, value, whole);
}

inline std::string no_multiple(std::string_view name, int value, int part) {
  if (value % part == 0) return {};
  return fmt::format("{} {} is no multiple of {}", name, value, part);
}

inline std::string too_large(std::size_t bytes, std::size_t local_memory) {
  if (bytes <= local_memory) return {};
  return fmt::format("needs {} bytes of local memory, the device has {}", bytes, local_memory);
}

constexpr int kRegisters = 32;  // vectors that the fastest loops may hold; more would be spilled on any CPU

// Why a loop over `sums` accumulators and `operands` vectors does not fit into registers, empty if it does.
inline std::string too_many_registers(int sums, int operands) {
  if (sums + operands <= kRegisters) return {};
  return fmt::format("{} vectors in registers, more than {}", sums + operands, kRegisters);
}

}  // namespace cascadecl
