#include "data/dataset_view.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

// Three images of 1x2 pixels in three colours, one of each class.
std::shared_ptr<const Dataset> colours() {
  DatasetHeader header{.name = "colours", .dims = {3, 1, 2}, .label_names = {"cat", "dog", "bird"}};
  header.mean = {0.1F, 0.2F, 0.3F};
  header.std = {0.4F, 0.5F, 0.6F};
  header.color_order = "BGR";
  return std::make_shared<MemoryDataset>(
      header, std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26},
      std::vector<std::int32_t>{0, 1, 2});
}

}  // namespace

TEST_CASE("a view numbers classes anew and turns channels, in the header, too, and leaves the dataset alone") {
  const auto dataset = colours();
  const DatasetView view(dataset, {.new_labels = {2, 0, 1}, .turn_channels = true});
  CHECK(view.header().label_names == std::vector<std::string>{"dog", "bird", "cat"});
  CHECK(std::vector<std::int32_t>(view.labels().begin(), view.labels().end()) == std::vector<std::int32_t>{2, 0, 1});
  CHECK(view.header().color_order == "RGB");
  CHECK(view.header().mean == std::vector<float>{0.3F, 0.2F, 0.1F});
  CHECK(view.header().std == std::vector<float>{0.6F, 0.5F, 0.4F});
  std::vector<std::uint8_t> pixels(12);
  view.read(std::vector<std::int64_t>{2, 0}, pixels.data());
  CHECK(pixels == std::vector<std::uint8_t>{25, 26, 23, 24, 21, 22, 5, 6, 3, 4, 1, 2});
  CHECK(dataset->labels()[0] == 0);
}

TEST_CASE("a view without a change shows the dataset, and one that loses a class is refused") {
  const DatasetView view(colours(), {});
  CHECK(view.header() == colours()->header());
  for (const std::vector<std::int32_t>& labels : {std::vector<std::int32_t>{0, 1}, {0, 1, 1}, {0, 1, 3}, {-1, 0, 1}})
    CHECK(contains(error_of<UsageError>([&] { DatasetView(colours(), {.new_labels = labels}); }), "3 classes"));
}

}  // namespace cascadecl
