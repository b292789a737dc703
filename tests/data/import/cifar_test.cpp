#include "data/import/cifar.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "data/dataset_file.h"
#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

// Records whose pixels are all equal to `first` plus the record's number, with the given label bytes.
std::string records(const std::vector<std::string>& labels, int first = 0) {
  std::string bytes;
  for (std::size_t i = 0; i < labels.size(); ++i)
    bytes += labels[i] + std::string(3072, static_cast<char>(first + static_cast<int>(i)));
  return bytes;
}

std::string label(int value) { return std::string(1, static_cast<char>(value)); }

std::string names(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "class" + std::to_string(i) + "\n";
  return text + "\n";
}

void write_cifar10(const TemporaryFolder& folder) {
  for (int i = 1; i <= 5; ++i)
    write_text(folder / ("data_batch_" + std::to_string(i) + ".bin"), records({label(i), label(9)}, 10 * i));
  write_text(folder / "test_batch.bin", records({label(0)}, 200));
  write_text(folder / "batches.meta.txt", names(10));
}

void write_cifar100(const TemporaryFolder& folder) {
  write_text(folder / "train.bin", records({label(19) + label(99), label(1) + label(2)}, 1));
  write_text(folder / "test.bin", records({label(3) + label(4)}, 7));
  write_text(folder / "fine_label_names.txt", names(100));
  write_text(folder / "coarse_label_names.txt", names(20));
}

std::vector<std::int32_t> labels_of(const Dataset& dataset) {
  return std::vector<std::int32_t>(dataset.labels().begin(), dataset.labels().end());
}

}  // namespace

TEST_CASE("CIFAR-10 is imported batch by batch, with class names and statistics") {
  const TemporaryFolder folder;
  write_cifar10(folder);
  import_cifar10(folder.path(), folder / "out.h5");
  const auto train = open_dataset(folder / "out.h5", "train");
  CHECK(labels_of(*train) == std::vector<std::int32_t>{1, 9, 2, 9, 3, 9, 4, 9, 5, 9});
  CHECK(train->header().name == "CIFAR-10");
  CHECK(train->header().dims == ImageDims{3, 32, 32});
  CHECK(train->header().label_names[9] == "class9");
  CHECK(train->header().mean[0] == doctest::Approx(30.5 / 255));  // pixels are 10, 11, 20, 21, ... 51
  std::vector<std::uint8_t> image(3072);
  train->read(std::vector<std::int64_t>{5}, image.data());
  CHECK(image == std::vector<std::uint8_t>(3072, 31));
  CHECK(labels_of(*open_dataset(folder / "out.h5", "test")) == std::vector<std::int32_t>{0});
}

TEST_CASE("CIFAR-100 is imported with fine or with coarse labels") {
  const TemporaryFolder folder;
  write_cifar100(folder);
  import_cifar100(folder.path(), Cifar100Labels::fine, folder / "fine.h5");
  import_cifar100(folder.path(), Cifar100Labels::coarse, folder / "coarse.h5");
  const auto fine = open_dataset(folder / "fine.h5", "train"), coarse = open_dataset(folder / "coarse.h5", "train");
  CHECK(labels_of(*fine) == std::vector<std::int32_t>{99, 2});
  CHECK(labels_of(*coarse) == std::vector<std::int32_t>{19, 1});
  CHECK(fine->header().classes() == 100);
  CHECK(coarse->header().classes() == 20);
  std::vector<std::uint8_t> image(3072);
  fine->read(std::vector<std::int64_t>{1}, image.data());
  CHECK(image == std::vector<std::uint8_t>(3072, 2));
  CHECK(parse_cifar100_labels("coarse") == Cifar100Labels::coarse);
  CHECK_THROWS_AS(parse_cifar100_labels("medium"), UsageError);
}

TEST_CASE("an import names the file and record that is wrong, and writes nothing") {
  const TemporaryFolder folder;
  write_cifar10(folder);
  const auto error = [&] { return error_of<FileError>([&] { import_cifar10(folder.path(), folder / "out.h5"); }); };
  const auto before = folder.entries();

  write_text(folder / "data_batch_3.bin", records({label(0), label(10)}));
  CHECK(contains(error(), "data_batch_3.bin: label of record 1 is 10, expected 0 to 9"));
  write_text(folder / "data_batch_3.bin", records({label(0)}) + "x");
  CHECK(contains(error(), "data_batch_3.bin: 3074 bytes, expected a multiple of 3073"));
  write_text(folder / "data_batch_3.bin", "");
  CHECK(contains(error(), "data_batch_3.bin: 0 bytes"));
  CHECK(folder.entries() == before);
  fs::remove(folder / "data_batch_3.bin");
  CHECK(contains(error(), "data_batch_3.bin: no such file"));
  write_text(folder / "batches.meta.txt", names(9));
  CHECK(contains(error(), "batches.meta.txt: 9 class names, expected 10"));
  fs::remove(folder / "batches.meta.txt");
  CHECK(contains(error(), "batches.meta.txt: no such file"));
  CHECK(contains(error_of<FileError>([&] { import_cifar10(folder / "none", folder / "out.h5"); }), "no such folder"));
  CHECK_FALSE(fs::exists(folder / "out.h5"));
}

TEST_CASE("the published CIFAR-10 has the known counts, mean and std") {
  const char* source = std::getenv("CASCADECL_CIFAR10");
  if (!source || !*source) {
    MESSAGE("skipped: CASCADECL_CIFAR10 does not name a folder with the published binary files");
    return;
  }
  const TemporaryFolder folder;
  import_cifar10(source, folder / "out.h5");
  const DatasetFacts facts = describe_dataset(folder / "out.h5");
  REQUIRE(facts.splits.size() == 2);
  CHECK(facts.splits[0].images == 10'000);
  CHECK(facts.splits[1].per_class == std::vector<std::int64_t>(10, 5000));
  const double mean[] = {0.4914, 0.4822, 0.4465}, std[] = {0.2470, 0.2435, 0.2616};
  for (std::size_t c = 0; c < 3; ++c) {  // known to four digits
    CHECK(std::abs(facts.header.mean[c] - mean[c]) < 0.00006);
    CHECK(std::abs(facts.header.std[c] - std[c]) < 0.00006);
  }
}
