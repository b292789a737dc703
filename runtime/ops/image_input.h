#pragma once
#include <cstdint>
#include <span>

#include "runtime/ops/activation_array.h"
#include "runtime/ops/flip.h"
#include "runtime/ops/image_shape.h"

namespace cascadecl {

// Random changes of training images: crop, mirroring, cutout. They follow from seed, epoch and the image's index alone,
// so neither the batch nor the device changes them.
struct Augmentation {
  int pad = 4;  // black pixels put around the image before it is cut to its size at a random place; 0 = no crop
  Flip flip = Flip::random;
  int cutout = 0;  // side in pixels of a square at a random place that is set to the mean; 0 = none
  std::uint64_t seed = 0;
  std::uint32_t epoch = 0;
};

// Makes a network's input [n][C/b][H][W][b] of images as a dataset holds them, uint8 [n][C][H][W]: (pixel / 255 -
// mean[c]) / std[c], padding channels zero. Overwrites `out`.
class ImageInput {
 public:
  // mean, std [C]: throws ShapeError if they are not C long or std is not positive.
  ImageInput(const Device& device, ImageShape shape, std::span<const float> mean, std::span<const float> std,
             Precision precision = Precision::fp32);

  // Images first ... first + n - 1.
  void normalise(int n, const Array<std::uint8_t>& images, const ActivationArray& out, int first = 0);
  // Images places[first] ... places[first + n - 1], in any order.
  void gather(int n, const Array<std::uint8_t>& images, const Array<int>& places, const ActivationArray& out,
              int first = 0);
  // indices [n]: the number of each image in its dataset. The black frame is normalised like any pixel.
  void augment(int n, const Array<std::uint8_t>& images, const Array<int>& indices, const Augmentation& augmentation,
               const ActivationArray& out);

 private:
  Device device_;
  std::size_t blocks_, rows_;
  Array<float> scale_, shift_;
  Kernel normalise_, gather_, augment_;
};

}  // namespace cascadecl
