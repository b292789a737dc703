#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cascadecl {

// Whole numbers of a NumPy type, from their bytes.
class NumpyIntegers {
 public:
  // "|u1", "<i8", ">i4", ...; nothing for a type of other numbers.
  static std::optional<NumpyIntegers> of(std::string_view type);

  std::size_t bytes() const { return bytes_; }  // of one number
  std::int64_t value(const std::uint8_t* raw) const;

 private:
  NumpyIntegers(std::size_t bytes, bool is_signed, bool big_endian)
      : bytes_(bytes), is_signed_(is_signed), big_endian_(big_endian) {}

  std::size_t bytes_;
  bool is_signed_, big_endian_;
};

}  // namespace cascadecl
