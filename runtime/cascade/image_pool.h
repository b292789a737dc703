#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/opencl/device.h"

namespace cascadecl {

// The images of a window on one device, as bytes: each is uploaded once, and all stages of that device read it there.
class ImagePool {
 public:
  // Room for `capacity` images of image_bytes.
  ImagePool(const Device& device, std::size_t image_bytes, std::size_t capacity);

  void clear();  // forgets all images
  // Uploads the images at `places`, ascending, of the window's images uint8 [capacity or fewer][image_bytes].
  void add(std::span<const std::uint8_t> images, std::span<const int> places);

  const Array<std::uint8_t>& pixels() const { return pixels_; }
  // Where the image from that place of the window lies in pixels(), counted in images.
  int slot(int place) const { return slots_[static_cast<std::size_t>(place)]; }

 private:
  Device device_;
  std::size_t image_bytes_;
  Array<std::uint8_t> pixels_;
  std::vector<int> slots_;  // [capacity]
  int used_ = 0;
};

}  // namespace cascadecl
