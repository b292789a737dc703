#pragma once
#include <cstddef>
#include <string>

namespace cascadecl {

// Channels, rows and columns of one image's activation.
struct ImageShape {
  int channels = 0, height = 0, width = 0;
  // Of an image, as many bytes where pixels are bytes.
  std::size_t values() const {
    return static_cast<std::size_t>(channels) * static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  }
  bool operator==(const ImageShape&) const = default;
};

// "[16,32,32]".
std::string to_string(const ImageShape& shape);

}  // namespace cascadecl
