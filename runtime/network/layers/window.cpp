#include "runtime/network/layers/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr int most = 1 << 20;  // of kernel and stride, so that sums of sizes fit into an int

// Rows or columns that a window gives; 0 if it does not fit.
std::int64_t positions(std::int64_t size, std::int64_t kernel, const Window& window) {
  const std::int64_t room = size + 2 * std::int64_t{window.padding} - kernel;
  return room < 0 ? 0 : room / window.stride + 1;
}

}  // namespace

void Window::visit(Attributes& attributes) {
  attributes.integer("kernel_h", kernel_h, 1);
  attributes.integer("kernel_w", kernel_w, 1);
  attributes.integer("stride", stride, 1, 1);
  attributes.integer("padding", padding, 0, 0);
}

std::string Window::fault() const {
  if (kernel_h < 1 || kernel_w < 1) return fmt::format("kernel must be at least 1x1, got {}x{}", kernel_h, kernel_w);
  if (kernel_h > most || kernel_w > most)
    return fmt::format("kernel must be at most {}x{}, got {}x{}", most, most, kernel_h, kernel_w);
  if (stride > most) return fmt::format("stride must be at most {}, got {}", most, stride);
  if (stride < 1) return fmt::format("stride must be at least 1, got {}", stride);
  if (padding < 0 || padding >= std::min(kernel_h, kernel_w))
    return fmt::format("padding must be 0 or more and less than the kernel of {}x{}, got {}", kernel_h, kernel_w,
                       padding);
  return {};
}

ImageShape Window::output(const ImageShape& in, int channels) const {
  const std::int64_t height = positions(in.height, kernel_h, *this), width = positions(in.width, kernel_w, *this);
  if (height < 1 || width < 1)
    throw ShapeError(fmt::format("kernel {}x{} with padding {} does not fit into input {}", kernel_h, kernel_w, padding,
                                 to_string(in)));
  if (bounded_product({channels, height, width}, max_values) > max_values)
    throw ShapeError(fmt::format("output [{},{},{}] has more than 2^31-1 values", channels, height, width));
  return {channels, static_cast<int>(height), static_cast<int>(width)};
}

}  // namespace cascadecl
