#include "trainer/data_advice.h"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.h"
#include "trainer/settings.h"

namespace cascadecl {
namespace {

MemoryDataset with_counts(const std::vector<int>& counts) {
  DatasetHeader header{.name = "counts", .dims = {1, 1, 1}, .label_names = {"cat", "dog", "emu"}};
  std::vector<std::int32_t> labels;
  for (std::size_t k = 0; k < counts.size(); ++k)
    labels.insert(labels.end(), static_cast<std::size_t>(counts[k]), static_cast<std::int32_t>(k));
  const std::vector<std::uint8_t> images(labels.size());
  return {header, images, labels};
}

}  // namespace

TEST_CASE("CIFAR and larger data are trained as ever, smaller data in smaller batches and more epochs") {
  const TrainSettings usual;
  for (const std::int64_t images : {std::int64_t{50000}, std::int64_t{1281167}})
    CHECK(training_length(images) == TrainingLength{usual.batch_size, usual.epochs.values.front()});
  CHECK(training_length(2000) == TrainingLength{32, 60});
  CHECK(training_length(500) == TrainingLength{16, 120});
  CHECK(training_length(1) == TrainingLength{16, 120});
  for (std::int64_t images = 1; images < 60000; images += 100) {
    CHECK(training_length(images).batch_size <= training_length(images + 100).batch_size);
    CHECK(training_length(images).epochs >= training_length(images + 100).epochs);
  }
}

TEST_CASE("very uneven classes are told by name and number, and a class without images is none of them") {
  CHECK_FALSE(uneven_classes(with_counts({10, 10, 10})));
  CHECK_FALSE(uneven_classes(with_counts({49, 10, 0})));
  const auto told = uneven_classes(with_counts({10, 50, 20}));
  REQUIRE(told);
  CHECK(contains(*told, "'dog' has 50 images, 'cat' has 10; with --class-weights balanced"));
}

}  // namespace cascadecl
