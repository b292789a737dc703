#include <doctest/doctest.h>

#include <limits>

#include "data/files/hdf5_file.h"
#include "data/generated/generate.h"
#include "runtime/cascade/model_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

TEST_CASE("missing, foreign, truncated and swapped files are bad input, named") {
  const SmallWorld world;
  const std::string text = world.path("text.h5"), cut_data = world.path("cut_data.h5"),
                    cut_model = world.path("cut_model.h5"), missing = world.path("missing.h5");
  write_text(text, "not HDF5");
  std::filesystem::copy_file(world.data(), cut_data);
  truncate_file(cut_data, std::filesystem::file_size(cut_data) / 2);
  std::filesystem::copy_file(world.model(), cut_model);
  truncate_file(cut_model, std::filesystem::file_size(cut_model) / 2);
  for (const std::string& bad : {missing, text, cut_model, world.data(), world.folder.path().string()}) {
    CAPTURE(bad);
    CHECK(error_fault(cascadecl_run({"eval", bad, "--data", world.data()}), 4, bad) == "");
    CHECK(error_fault(cascadecl_run({"predict", bad, "--data", world.data(), "-o", world.path("o.h5")}), 4, bad) == "");
  }
  for (const std::string& bad : {missing, text, cut_data, world.model()}) {
    CAPTURE(bad);
    CHECK(error_fault(cascadecl_run({"eval", world.model(), "--data", bad}), 4, bad) == "");
    CHECK(error_fault(cascadecl_run({"train", "--data", bad, "--stages", "resnet-8", "-o", world.path("m.h5")}), 4,
                      bad) == "");
    CHECK(error_fault(cascadecl_run({"data", "info", bad}), 4, bad) == "");
  }
  CHECK_FALSE(std::filesystem::exists(world.path("o.h5")));
  CHECK_FALSE(std::filesystem::exists(world.path("m.h5")));
}

TEST_CASE("a split that is not there is bad input, and an empty one wrong usage") {
  const SmallWorld world;
  CHECK(error_fault(cascadecl_run({"eval", world.model(), "--data", world.data() + ":holiday"}), 4, "holiday") == "");
  CHECK(error_fault(cascadecl_run({"eval", world.model(), "--data", world.data() + ":"}), 2, "--data") == "");
}

TEST_CASE("images of another size than the model's are bad input") {
  const SmallWorld world;
  generate_dataset({.train_images = 10, .test_images = 10, .size = 9}, world.path("nine.h5"));
  for (const char* command : {"eval", "profile"}) {
    CHECK(error_fault(cascadecl_run({command, world.model(), "--data", world.path("nine.h5")}), 4, "[3,9,9]") == "");
  }
  CHECK(
      error_fault(cascadecl_run({"predict", world.model(), "--data", world.path("nine.h5"), "-o", world.path("o.h5")}),
                  4, "[3,9,9]") == "");
}

TEST_CASE("a dataset with no images is bad input") {
  const SmallWorld world;
  const std::string empty = world.path("empty.h5");
  {
    Hdf5Writer file(empty);
    file.write_attribute("/", "format_version", 1);
    file.write_attribute("/", "name", "empty");
    file.write_attribute("/", "label_names", std::vector<std::string>(10, "x"));
    const std::vector<float> mean(3, 0.5F);
    file.write_attribute("/", "mean", std::span<const float>(mean));
    file.write_attribute("/", "std", std::span<const float>(mean));
    file.write_attribute("/", "color_order", "RGB");
    file.write("/test/images", {0, 3, 8, 8}, std::vector<std::uint8_t>{});
    file.write("/test/labels", {0}, std::vector<std::int32_t>{});
    file.commit();
  }
  CHECK(error_fault(cascadecl_run({"eval", world.model(), "--data", empty}), 4, empty) == "");
}

TEST_CASE("a folder without CIFAR files is bad input, and nothing is written") {
  const TemporaryFolder folder;
  for (const char* format : {"cifar10", "cifar100"}) {
    const Finished run =
        cascadecl_run({"data", "import", format, folder.path().string(), "-o", (folder / "o.h5").string()});
    CHECK(error_fault(run, 4, folder.path().string()) == "");
  }
  CHECK(error_fault(cascadecl_run({"data", "import", "mnist", folder.path().string(), "-o", "o.h5"}), 2, "'mnist'") ==
        "");
  CHECK(folder.entries() == 0);
}

TEST_CASE("a target that cannot be written fails before any work and leaves nothing") {
  const SmallWorld world;
  const std::string nowhere = world.path("no/such/folder/o.h5"), directory = world.folder.path().string();
  const auto before = world.folder.entries();
  for (const std::string& target : {nowhere, directory}) {
    CHECK(error_fault(cascadecl_run({"data", "generate", "-o", target, "--train", "10"}), 1, target) == "");
    CHECK(error_fault(cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", target}), 1, target) ==
          "");
    CHECK(error_fault(cascadecl_run({"train", "--data", world.data(), "--stages", "resnet-8", "-o", target}), 1,
                      target) == "");
  }
  CHECK(world.folder.entries() == before);
}

}  // namespace
}  // namespace cascadecl::testing
