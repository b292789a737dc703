#pragma once
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "data/generated/generate.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/zoo.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/random_model.h"

// Cascades over two devices: PoCL shows as many as it is told, each of one core.
namespace cascadecl::testing {

inline const std::string two_basic_devices = "basic basic";  // for POCL_DEVICES
inline const std::vector<std::string> two_devices = {"POCL_DEVICES=" + two_basic_devices};

// Says so if the test is skipped.
inline bool there_are_two() {
  const Finished run = cascadecl_run({"devices", "--json"}, two_devices);
  REQUIRE(run.status == 0);
  if (run.json()["devices"].size() == 2) return true;
  MESSAGE("skipped: the OpenCL platform does not show two devices when asked to");
  return false;
}

// 40 images, and a model whose images leave at all of its three stages under --policy sample.
struct ThreeStages : SmallWorld {
  static constexpr int images = 40;
  explicit ThreeStages(int size) {
    generate_dataset({.train_images = 1, .test_images = images, .size = size}, data());
    const ImageShape shape{3, size, size};
    write_model(model(), random_model({make_network("resnet-8", shape, 10), make_network("resnet-14", shape, 10),
                                       make_network("resnet-20", shape, 10)},
                                      3));
  }
};

}  // namespace cascadecl::testing
