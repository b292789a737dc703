#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cascadecl {

// FNV-1a of 64 bits, over bytes that are added piece by piece. It tells data apart, and is no protection against
// forgery.
class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const char byte : bytes) hash_ = (hash_ ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  template <class Numbers>
  void add_values(const Numbers& numbers) {  // a vector or span
    const std::span values(numbers);
    add({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }  // as 16 hexadecimal digits

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace cascadecl
