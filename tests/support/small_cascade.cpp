#include "tests/support/small_cascade.h"

#include <random>

#include "runtime/network/zoo.h"
#include "tests/support/random_model.h"

namespace cascadecl::small_cascade {

const Model& test_model() {
  static const Model model =
      random_model({make_network("resnet-8", shape, classes), make_network("wrn-10-2", shape, classes),
                    make_network("resnet-14", shape, classes)},
                   11);
  return model;
}

std::vector<std::uint8_t> random_images(std::size_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::vector<std::uint8_t> images(n * image_bytes);
  for (std::uint8_t& pixel : images) pixel = static_cast<std::uint8_t>(engine() >> 24);
  return images;
}

}  // namespace cascadecl::small_cascade
