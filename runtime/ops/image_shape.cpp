#include "runtime/ops/image_shape.h"

#include <fmt/format.h>

namespace cascadecl {

std::string to_string(const ImageShape& shape) {
  return fmt::format("[{},{},{}]", shape.channels, shape.height, shape.width);
}

}  // namespace cascadecl
