#include "cli/image_shape.h"

#include <fmt/format.h>

#include <charconv>

#include "data/files/error.h"

namespace cascadecl {

ImageShape parse_image_shape(std::string_view text, std::string_view flag) {
  ImageShape shape;
  const char* at = text.data();
  const char* end = text.data() + text.size();
  bool good = true;
  for (int* size : {&shape.channels, &shape.height, &shape.width}) {
    if (size != &shape.channels) good = good && at != end && *at++ == 'x';
    const auto [next, error] = std::from_chars(at, end, *size);
    good = good && error == std::errc{} && *size > 0;
    at = next;
  }
  if (!good || at != end) throw UsageError(fmt::format("--{}: '{}' is not CHANNELSxHEIGHTxWIDTH", flag, text));
  return shape;
}

}  // namespace cascadecl
