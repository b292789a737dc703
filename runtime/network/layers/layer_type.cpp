#include "runtime/network/layers/layer_type.h"

namespace cascadecl {

std::int64_t bounded_product(std::initializer_list<std::int64_t> sizes, std::int64_t limit) {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) {
    if (product > limit / size) return limit + 1;
    product *= size;
  }
  return product;
}

std::int64_t Parameter::values() const {
  std::int64_t product = 1;
  for (const int size : shape) product = bounded_product({product, size}, max_values);
  return product;
}

}  // namespace cascadecl
