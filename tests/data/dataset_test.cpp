#include "data/dataset.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

TEST_CASE("a fingerprint tells labels from other ones, and from the same ones in another order") {
  const std::vector<std::int32_t> labels = {0, 1, 2, 1}, other = {0, 1, 2, 2}, turned = {1, 0, 2, 1};
  CHECK(fingerprint(labels) == fingerprint(std::vector<std::int32_t>(labels)));
  CHECK(fingerprint(labels).size() == 16);
  CHECK(fingerprint(labels) != fingerprint(other));
  CHECK(fingerprint(labels) != fingerprint(turned));
}

TEST_CASE("split_validation puts each image on one side and holds out the share of each class") {
  CHECK(rc::check([] {
    const auto labels = *rc::gen::container<std::vector<std::int32_t>>(*rc::gen::inRange<std::size_t>(0, 300),
                                                                       rc::gen::inRange<std::int32_t>(0, 5));
    const double share = *rc::gen::inRange(0, 101) / 100.0;
    const ValidationSplit split = split_validation(labels, share, *rc::gen::arbitrary<std::uint64_t>());
    std::vector<std::int64_t> all(labels.size());
    std::merge(split.rest.begin(), split.rest.end(), split.held_out.begin(), split.held_out.end(), all.begin());
    for (std::size_t i = 0; i < all.size(); ++i) RC_ASSERT(all[i] == static_cast<std::int64_t>(i));
    for (std::int32_t label = 0; label < 5; ++label) {
      const auto of_class = [&](std::int64_t i) { return labels[static_cast<std::size_t>(i)] == label; };
      const auto n = static_cast<double>(std::count(labels.begin(), labels.end(), label));
      const auto held_out = std::count_if(split.held_out.begin(), split.held_out.end(), of_class);
      RC_ASSERT(std::abs(static_cast<double>(held_out) - share * n) <= 1.0);
    }
  }));
}

TEST_CASE("split_validation depends on the seed and on nothing else") {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 1000; ++i) labels.push_back(i % 10);
  CHECK(split_validation(labels, 0.1, 7).held_out == split_validation(labels, 0.1, 7).held_out);
  CHECK(split_validation(labels, 0.1, 7).held_out != split_validation(labels, 0.1, 8).held_out);
  CHECK(split_validation(labels, 0.1, 7).held_out.size() == 100);
}

TEST_CASE("split_validation refuses shares outside 0 to 1") {
  CHECK(contains(error_of<UsageError>([] { split_validation({}, 1.5, 0); }), "expected 0 to 1"));
  CHECK(contains(error_of<UsageError>([] { split_validation({}, std::nan(""), 0); }), "expected 0 to 1"));
}

TEST_CASE("pixel statistics are the mean and standard deviation of each channel, in any pieces") {
  const ImageDims dims{2, 2, 2};
  const std::vector<std::uint8_t> images = {0, 255, 0, 255, 51, 51, 51, 51, 255, 0, 255, 0, 51, 51, 51, 153};
  PixelStatistics whole(dims), pieces(dims);
  whole.add(images);
  pieces.add(std::span(images).first(8));
  pieces.add(std::span(images).last(8));
  CHECK(whole.images() == 2);
  CHECK(whole.mean()[0] == doctest::Approx(0.5));
  CHECK(whole.std()[0] == doctest::Approx(0.5));
  CHECK(whole.mean()[1] == doctest::Approx((7 * 51 + 153) / (8 * 255.0)));
  CHECK(whole.std()[1] == doctest::Approx(std::sqrt(51.0 * 51 * 4 * (7.0 / 64)) / 255));
  CHECK(pieces.mean() == whole.mean());
  CHECK(pieces.std() == whole.std());
}

TEST_CASE("a constant channel has a standard deviation that one may divide by") {
  PixelStatistics statistics({1, 1, 2});
  statistics.add(std::vector<std::uint8_t>{9, 9});
  CHECK(statistics.std()[0] > 0);
}

TEST_CASE("a dataset in memory gives images by index and refuses sizes and labels that do not fit") {
  const DatasetHeader header{.name = "d", .dims = {1, 1, 2}, .label_names = {"a", "b"}, .mean = {0}, .std = {1}};
  const MemoryDataset dataset(header, {1, 2, 3, 4, 5, 6}, {0, 1, 0});
  std::vector<std::uint8_t> images(4);
  dataset.read(std::vector<std::int64_t>{2, 0}, images.data());
  CHECK(images == std::vector<std::uint8_t>{5, 6, 1, 2});
  CHECK(dataset.size() == 3);
  CHECK_THROWS_AS(MemoryDataset(header, {1, 2, 3}, {0, 1}), ShapeError);
  CHECK_THROWS_AS(MemoryDataset(header, {}, {}), ShapeError);
  CHECK(contains(error_of<UsageError>([&] { MemoryDataset(header, {1, 2}, {2}); }), "label 2, expected 0 to 1"));
}
