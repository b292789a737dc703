#include "data/import/numpy_integers.h"

namespace cascadecl {

std::optional<NumpyIntegers> NumpyIntegers::of(std::string_view type) {
  const bool known = type.size() == 3 && (type[1] == 'i' || type[1] == 'u') &&
                     (type[2] == '1' || type[2] == '2' || type[2] == '4' || type[2] == '8');
  if (!known) return {};
  return NumpyIntegers(static_cast<std::size_t>(type[2] - '0'), type[1] == 'i', type[0] == '>');
}

std::int64_t NumpyIntegers::value(const std::uint8_t* raw) const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes_; ++i) value = value << 8 | raw[big_endian_ ? i : bytes_ - 1 - i];
  const std::size_t unused = 64 - 8 * bytes_;
  return is_signed_ ? static_cast<std::int64_t>(value << unused) >> unused : static_cast<std::int64_t>(value);
}

}  // namespace cascadecl
