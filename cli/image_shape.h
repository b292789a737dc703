#pragma once
#include <string_view>

#include "runtime/ops/image_shape.h"

namespace cascadecl {

// "3x32x32": channels, rows, columns. Throws UsageError naming the flag.
ImageShape parse_image_shape(std::string_view text, std::string_view flag = "input");

}  // namespace cascadecl
