#include "tests/cli/fixtures.h"

#include "data/generated/generate.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/zoo.h"
#include "tests/support/random_model.h"

namespace cascadecl::testing {

Model small_model() {
  return random_model({make_network("resnet-8", {3, 8, 8}, 10), make_network("resnet-14", {3, 8, 8}, 10)}, 3);
}

SmallWorld::SmallWorld() {
  generate_dataset({.train_images = 40, .test_images = 30, .size = 8}, data());
  write_model(model(), small_model());
}

void truncate_file(const std::filesystem::path& path, std::uintmax_t bytes) {
  std::filesystem::resize_file(path, bytes);
}

}  // namespace cascadecl::testing
