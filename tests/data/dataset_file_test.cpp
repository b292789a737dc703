#include "data/dataset_file.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <functional>
#include <limits>

#include "data/dataset_writer.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "tests/support/full_disk.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;
namespace fs = std::filesystem;

namespace {

DatasetHeader small_header() {
  return {
      .name = "small", .dims = {3, 2, 2}, .label_names = {"cat", "dog"}, .mean = {0.5f, 0.5f, 0.5f}, .std = {1, 1, 1}};
}

// A dataset file written object by object, so that a test can spoil one of them. It holds 2 images of 3x2x2.
struct Parts {
  std::int64_t version = 1;
  std::vector<std::string> label_names{"cat", "dog"};
  std::vector<float> mean{0, 0, 0}, std{1, 1, 1};
  std::string color_order = "RGB";
  Hdf5Shape shape{2, 3, 2, 2};
  std::vector<std::int32_t> labels{0, 1};
  std::function<void(Hdf5Writer&)> images = [this](Hdf5Writer& file) {
    std::int64_t size = 1;
    for (const std::int64_t side : shape) size *= side;
    file.write("/train/images", shape, std::vector<std::uint8_t>(static_cast<std::size_t>(size)));
  };

  void write(const fs::path& target) const {
    Hdf5Writer file(target);
    images(file);
    file.write("/train/labels", {static_cast<std::int64_t>(labels.size())}, labels);
    file.write_attribute("/", "format_version", version);
    file.write_attribute("/", "name", "parts");
    file.write_attribute("/", "label_names", label_names);
    file.write_attribute("/", "mean", mean);
    file.write_attribute("/", "std", std);
    file.write_attribute("/", "color_order", color_order);
    file.commit();
  }
};

// The error that opening the parts meets.
std::string error_of_parts(const Parts& parts) {
  const TemporaryFolder folder;
  parts.write(folder / "d.h5");
  return error_of<FileError>([&] { open_dataset(folder / "d.h5", "train"); });
}

}  // namespace

TEST_CASE("a dataset file gives back header, labels and images") {
  CHECK(rc::check([] {
    const TemporaryFolder folder;
    DatasetHeader header = small_header();
    header.dims = {*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 9), *rc::gen::inRange(1, 9)};
    header.mean.assign(static_cast<std::size_t>(header.dims.channels), 0.25f);
    header.std.assign(static_cast<std::size_t>(header.dims.channels), 0.5f);
    const auto n = *rc::gen::inRange<std::size_t>(1, 40);
    const auto labels = *rc::gen::container<std::vector<std::int32_t>>(n, rc::gen::inRange<std::int32_t>(0, 2));
    const auto images = *rc::gen::container<std::vector<std::uint8_t>>(
        n * static_cast<std::size_t>(header.dims.bytes()), rc::gen::arbitrary<std::uint8_t>());
    const auto bytes = static_cast<std::size_t>(header.dims.bytes());

    DatasetWriter writer(folder / "d.h5", header, {.chunk_images = *rc::gen::inRange(1, 12), .deflate = 1});
    writer.begin_split("train", static_cast<std::int64_t>(n));
    const auto first = *rc::gen::inRange<std::size_t>(0, n + 1);  // in two pieces
    writer.append(std::span(images).first(first * bytes), std::span(labels).first(first));
    writer.append(std::span(images).subspan(first * bytes), std::span(labels).subspan(first));
    writer.commit();

    // Memory for all, for some blocks and for a single one.
    const auto limit = *rc::gen::element<std::int64_t>(std::int64_t{1} << 30, 5 * header.dims.bytes(), 0);
    const auto dataset = open_dataset(folder / "d.h5", "train", {.limit_bytes = limit});
    RC_ASSERT(dataset->header() == header);
    RC_ASSERT(std::equal(labels.begin(), labels.end(), dataset->labels().begin(), dataset->labels().end()));
    const auto order = epoch_order(all_indices(dataset->size()), 1, 0);
    std::vector<std::uint8_t> read(images.size()), expected;
    dataset->read(order, read.data());
    for (const std::int64_t i : order) {
      const auto from = images.begin() + i * header.dims.bytes();
      expected.insert(expected.end(), from, from + header.dims.bytes());
    }
    RC_ASSERT(read == expected);
  }));
}

TEST_CASE("mean and std are computed from the training images alone") {
  const TemporaryFolder folder;
  DatasetHeader header = small_header();
  header.mean.clear();
  header.std.clear();
  DatasetWriter writer(folder / "d.h5", header);
  const std::vector<std::uint8_t> white(12, 255), gray(12, 51);
  writer.begin_split("test", 1);
  writer.append(white, std::vector<std::int32_t>{0});
  writer.begin_split("train", 2);
  writer.append(gray, std::vector<std::int32_t>{0});
  writer.append(white, std::vector<std::int32_t>{1});
  writer.commit();
  const auto dataset = open_dataset(folder / "d.h5", "test");
  for (const float mean : dataset->header().mean) CHECK(mean == doctest::Approx(0.6));
  for (const float std : dataset->header().std) CHECK(std == doctest::Approx(0.4));
}

TEST_CASE("describe_dataset counts the images of each split and class") {
  const TemporaryFolder folder;
  DatasetWriter writer(folder / "d.h5", small_header(), {.chunk_images = 2, .deflate = 1});
  writer.begin_split("train", 3);
  writer.append(std::vector<std::uint8_t>(36), std::vector<std::int32_t>{1, 1, 0});
  writer.begin_split("validation", 1);
  writer.append(std::vector<std::uint8_t>(12), std::vector<std::int32_t>{1});
  writer.commit();
  const DatasetFacts facts = describe_dataset(folder / "d.h5");
  REQUIRE(facts.splits.size() == 2);
  CHECK(facts.header.name == "small");
  CHECK(facts.file_bytes == static_cast<std::int64_t>(fs::file_size(folder / "d.h5")));
  CHECK(facts.splits[0].name == "train");
  CHECK(facts.splits[0].images == 3);
  CHECK(facts.splits[0].per_class == std::vector<std::int64_t>{1, 2});
  CHECK(facts.splits[0].chunk_images == 2);
  CHECK(facts.splits[0].filters == std::vector<std::string>{"shuffle", "deflate"});
  CHECK(facts.splits[1].name == "validation");
}

TEST_CASE("parse_data_spec separates the split at the last colon, unless a file has that name") {
  const TemporaryFolder folder;
  write_text(folder / "a:b", "");
  CHECK(parse_data_spec("d.h5").file == "d.h5");
  CHECK(parse_data_spec("d.h5").split == "");
  CHECK(parse_data_spec("x:y/d.h5:test").file == "x:y/d.h5");
  CHECK(parse_data_spec("x:y/d.h5:test").split == "test");
  CHECK(parse_data_spec((folder / "a:b").string()).split == "");
  CHECK_THROWS_AS(parse_data_spec(""), UsageError);
  CHECK_THROWS_AS(parse_data_spec(":test"), UsageError);
  CHECK_THROWS_AS(parse_data_spec("d.h5:"), UsageError);
  CHECK_THROWS_AS(parse_data_spec("d.h5:a/b"), UsageError);
}

TEST_CASE("opening a dataset names what is wrong with the header") {
  CHECK(error_of_parts({}) == "");
  CHECK(contains(error_of_parts({.version = 2}), "format_version 2, expected 1"));
  CHECK(contains(error_of_parts({.label_names = {}}), "label_names is empty"));
  CHECK(contains(error_of_parts({.mean = {0, 0}}), "mean has 2 values, expected one for each of 3 channels"));
  CHECK(contains(error_of_parts({.std = {1, 0, 1}}), "std holds 0, expected positive numbers"));
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  CHECK(contains(error_of_parts({.std = {1, nan, 1}}), "std holds nan, expected positive numbers"));
  CHECK(contains(error_of_parts({.std = {1, 1, infinity}}), "std holds inf"));
  CHECK(contains(error_of_parts({.mean = {nan, 1, 1}}), "mean holds nan, expected finite numbers"));
  CHECK(contains(error_of_parts({.color_order = "CMYK"}), "color_order 'CMYK', expected RGB, BGR, gray or none"));
}

TEST_CASE("opening a dataset names labels and images that do not fit") {
  CHECK(contains(error_of_parts({.labels = {0, 2}}), "/train/labels: label of image 1 is 2, expected 0 to 1"));
  CHECK(contains(error_of_parts({.labels = {-1, 0}}), "label of image 0 is -1"));
  CHECK(contains(error_of_parts({.labels = {0}}), "/train/labels: has shape [1], expected [2]"));
  CHECK(contains(error_of_parts({.shape = {2, 12}}), "/train/images: has shape [2, 12], expected [N, C, H, W]"));
  CHECK(contains(error_of_parts({.shape = {0, 3, 2, 2}, .labels = {}}), "/train/images: holds no images"));
  CHECK(contains(error_of_parts({.shape = {2, 3, 0, 2}}), "no usable image size"));
  const auto floats = [](Hdf5Writer& file) { file.write("/train/images", {2, 3, 2, 2}, std::vector<float>(24)); };
  CHECK(contains(error_of_parts({.images = floats}), "/train/images: is of type float32, expected uint8"));
  const auto huge = [](Hdf5Writer& file) {
    file.create_dataset<std::uint8_t>("/train/images", {std::int64_t{1} << 40, 3, 2, 2},
                                      {.chunk_rows = 64, .deflate = 1});
  };
  CHECK(contains(error_of_parts({.images = huge}), "/train/labels: has shape [2], expected [1099511627776]"));
  const auto hollow = [](Hdf5Writer& file) {
    file.create_dataset<std::uint8_t>("/train/images", {2, 3, 2, 2}, {.chunk_rows = 2, .deflate = 1});
  };
  CHECK(contains(error_of_parts({.images = hollow}),
                 "/train/images: claims shape [2, 3, 2, 2], but the file holds only 0"));
}

TEST_CASE("files that are no dataset, and splits that are not there, are told apart") {
  const TemporaryFolder folder;
  Parts{}.write(folder / "d.h5");
  CHECK(contains(error_of<FileError>([&] { open_dataset(folder / "d.h5", "val"); }),
                 "/val: no such split, there is train"));
  {
    Hdf5Writer other(folder / "other.h5");
    other.write("/x", {2}, std::vector<float>{1, 2});
    other.commit();
  }
  CHECK(contains(error_of<FileError>([&] { open_dataset(folder / "other.h5", "train"); }), "not a dataset file"));
}

TEST_CASE("a dataset whose pixels are damaged is a file error, not a crash") {
  const TemporaryFolder folder;
  DatasetWriter writer(folder / "d.h5", small_header(), {.chunk_images = 8, .deflate = 9});
  writer.begin_split("train", 400);
  std::vector<std::uint8_t> images(400 * 12);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(i * i * 31 >> 3);
  writer.append(images, std::vector<std::int32_t>(400, 1));
  writer.commit();
  std::string bytes = read_text(folder / "d.h5");
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 3 + 400; ++i) bytes[i] = static_cast<char>(i);
  write_text(folder / "d.h5", bytes);
  CHECK(contains(error_of<FileError>([&] {
                   const auto dataset = open_dataset(folder / "d.h5", "train");
                   BatchLoader loader(*dataset, all_indices(400), {.batch_size = 50});
                   loader.start_epoch(0);
                   while (loader.next()) continue;
                 }),
                 "d.h5"));
}

TEST_CASE("a dataset writer refuses images and labels that do not fit, and leaves no file") {
  const TemporaryFolder folder;
  {
    DatasetWriter writer(folder / "d.h5", small_header());
    CHECK_THROWS_AS(writer.begin_split("a/b", 1), UsageError);
    CHECK_THROWS_AS(writer.begin_split("train", 0), UsageError);
    writer.begin_split("train", 2);
    CHECK_THROWS_AS(writer.append(std::vector<std::uint8_t>(11), std::vector<std::int32_t>{0}), ShapeError);
    CHECK_THROWS_AS(writer.append(std::vector<std::uint8_t>(12), std::vector<std::int32_t>{2}), ShapeError);
    CHECK_THROWS_AS(writer.append(std::vector<std::uint8_t>(36), std::vector<std::int32_t>{0, 0, 0}), ShapeError);
    CHECK_THROWS_AS(writer.commit(), ShapeError);  // images missing
  }
  CHECK(folder.entries() == 0);
}

TEST_CASE("a dataset that does not fit on the disk leaves the old file") {
  const TemporaryFolder folder;
  write_text(folder / "d.h5", "old");
  CHECK(contains(error_of<OutputError>([&] {
                   const FullDisk full(20'000);
                   DatasetWriter writer(folder / "d.h5", small_header(), {.chunk_images = 64, .deflate = 0});
                   writer.begin_split("train", 5000);
                   writer.append(std::vector<std::uint8_t>(60'000), std::vector<std::int32_t>(5000));
                   writer.commit();
                 }),
                 "File too large"));
  CHECK(read_text(folder / "d.h5") == "old");
  CHECK(folder.entries() == 1);
}
