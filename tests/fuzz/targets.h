#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace cascadecl::fuzz {

// A reader of files from elsewhere, held against any bytes: it may throw Error, and nothing else may happen.
struct Target {
  std::string_view name;
  void (*read)(std::span<const std::uint8_t> bytes);
};

std::span<const Target> targets();

// Runs a target on an input, and takes the errors that are meant to be. Throws std::invalid_argument for a name that is
// none.
void run(std::string_view target, std::span<const std::uint8_t> bytes);

}  // namespace cascadecl::fuzz
