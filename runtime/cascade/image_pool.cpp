#include "runtime/cascade/image_pool.h"

#include <algorithm>

#include "runtime/ops/launch.h"

namespace cascadecl {

ImagePool::ImagePool(const Device& device, std::size_t image_bytes, std::size_t capacity)
    : device_(device),
      image_bytes_(image_bytes),
      pixels_(device.allocate<std::uint8_t>(capacity * image_bytes)),
      slots_(capacity) {}

void ImagePool::clear() { used_ = 0; }

void ImagePool::add(std::span<const std::uint8_t> images, std::span<const int> places) {
  if (places.empty()) return;
  for (std::size_t i = 0; i < places.size(); ++i) slots_[to_size(places[i])] = used_ + static_cast<int>(i);
  const auto image = [&](int place) { return images.subspan(to_size(place) * image_bytes_); };
  const std::size_t bytes = places.size() * image_bytes_, offset = to_size(used_) * image_bytes_;
  used_ += static_cast<int>(places.size());
  if (places.back() - places.front() + 1 == static_cast<int>(places.size()))
    return device_.write(pixels_, image(places.front()).first(bytes), offset);
  std::vector<std::uint8_t> gathered(bytes);
  for (std::size_t i = 0; i < places.size(); ++i)
    std::copy_n(image(places[i]).begin(), image_bytes_,
                gathered.begin() + static_cast<std::ptrdiff_t>(i * image_bytes_));
  device_.write(pixels_, std::span<const std::uint8_t>(gathered), offset);
}

}  // namespace cascadecl
