// Classifies the images of a dataset file with a trained cascade and shows what each answer cost.
//   usage: classify MODEL.h5 DATA.h5
#include <algorithm>
#include <cstdio>
#include <exception>
#include <numeric>

#include "data/dataset_file.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"

using namespace cascadecl;

// The first `count` images of a dataset, uint8 [count][C][H][W].
static std::vector<std::uint8_t> first_images(const Dataset& dataset, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  std::vector<std::uint8_t> images(static_cast<std::size_t>(count * dataset.header().dims.bytes()));
  dataset.read(indices, images.data());
  return images;
}

int main(int argc, char** argv) try {
  if (argc != 3) return std::fputs("usage: classify MODEL.h5 DATA.h5\n", stderr), 2;
  const auto dataset = open_dataset(argv[2], "test");
  const std::vector<std::uint8_t> images = first_images(*dataset, std::min<std::int64_t>(10, dataset->size()));

  const Device device(select_device("auto", list_devices()));
  const Model model = read_model(argv[1]);
  CascadeExecutor cascade(model, std::vector<Device>(model.stages.size(), device), {});
  const CascadeResult result = cascade.classify(images);
  for (std::int64_t i = 0; i < result.images; ++i) {
    const std::string& label = dataset->header().label_names[static_cast<std::size_t>(result.label(i))];
    const int exit = result.exit_stage[static_cast<std::size_t>(i)];
    std::printf("image %ld: %s, left at stage %d after %.2f million multiply-adds\n", static_cast<long>(i),
                label.c_str(), exit, model.macs_through(exit) / 1e6);
  }
  std::printf("on %s\n", device.info().name.c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "classify: %s\n", error.what());
  return 1;
}
