#include "data/loader.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

namespace {

// Image i is the byte i mod 256, its label i mod 2.
MemoryDataset numbered_images(std::int64_t size) {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < size; ++i) {
    images.push_back(static_cast<std::uint8_t>(i % 256));
    labels.push_back(static_cast<std::int32_t>(i % 2));
  }
  return MemoryDataset({.name = "n", .dims = {1, 1, 1}, .label_names = {"even", "odd"}, .mean = {0}, .std = {1}},
                       std::move(images), std::move(labels));
}

// Fails to read image `bad` and is slow with all.
class FailingDataset final : public Dataset {
 public:
  explicit FailingDataset(std::int64_t bad) : good_(numbered_images(100)), bad_(bad) {}
  const DatasetHeader& header() const override { return good_.header(); }
  std::int64_t size() const override { return good_.size(); }
  std::span<const std::int32_t> labels() const override { return good_.labels(); }
  void read(std::span<const std::int64_t> indices, std::uint8_t* images) const override {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (std::find(indices.begin(), indices.end(), bad_) != indices.end()) throw FileError("image 55 is unreadable");
    good_.read(indices, images);
  }

 private:
  MemoryDataset good_;
  std::int64_t bad_;
};

std::vector<std::int64_t> visited(BatchLoader& loader, int epoch, std::int64_t first_batch = 0) {
  std::vector<std::int64_t> order;
  loader.start_epoch(epoch, first_batch);
  while (const auto batch = loader.next()) order.insert(order.end(), batch->indices.begin(), batch->indices.end());
  return order;
}

}  // namespace

TEST_CASE("the loader visits each index once an epoch, with its image and label") {
  CHECK(rc::check([] {
    const MemoryDataset dataset = numbered_images(300);
    auto indices = all_indices(*rc::gen::inRange<std::int64_t>(0, 300));
    const LoaderSettings settings{.batch_size = *rc::gen::inRange(1, 80),
                                  .shuffle = *rc::gen::arbitrary<bool>(),
                                  .seed = *rc::gen::arbitrary<std::uint64_t>(),
                                  .drop_last = *rc::gen::arbitrary<bool>(),
                                  .depth = *rc::gen::inRange(1, 6)};
    BatchLoader loader(dataset, indices, settings);
    loader.start_epoch(*rc::gen::inRange(0, 100));
    std::set<std::int64_t> seen;
    std::int64_t batches = 0, images = 0;
    while (const auto batch = loader.next()) {
      ++batches;
      images += batch->n;
      RC_ASSERT(batch->n == settings.batch_size || (!settings.drop_last && batches == loader.batches_per_epoch()));
      for (std::size_t i = 0; i < batch->indices.size(); ++i) {
        RC_ASSERT(seen.insert(batch->indices[i]).second);
        RC_ASSERT(batch->images[i] == batch->indices[i] % 256);
        RC_ASSERT(batch->labels[i] == batch->indices[i] % 2);
      }
    }
    RC_ASSERT(batches == loader.batches_per_epoch());
    RC_ASSERT(images == loader.images_per_epoch());
    RC_ASSERT(settings.drop_last || seen.size() == indices.size());
  }));
}

TEST_CASE("the order depends on seed and epoch alone") {
  const MemoryDataset dataset = numbered_images(200);
  BatchLoader a(dataset, all_indices(200), {.batch_size = 7, .seed = 1, .depth = 1});
  BatchLoader b(dataset, all_indices(200), {.batch_size = 64, .seed = 1, .depth = 9});
  BatchLoader c(dataset, all_indices(200), {.batch_size = 7, .seed = 2});
  const auto third = visited(a, 3);
  CHECK(third == visited(b, 3));
  CHECK(third != visited(a, 4));
  CHECK(third == visited(a, 3));  // epochs may be repeated
  CHECK(third != visited(c, 3));
}

TEST_CASE("the shuffled order of a seed is the same in all versions") {
  CHECK(epoch_order(all_indices(10), 1, 0) == std::vector<std::int64_t>{7, 1, 2, 3, 5, 6, 0, 8, 9, 4});
}

TEST_CASE("without shuffling the images come in the given order") {
  const MemoryDataset dataset = numbered_images(10);
  BatchLoader loader(dataset, {7, 3, 9, 3}, {.batch_size = 3, .shuffle = false});
  CHECK(visited(loader, 0) == std::vector<std::int64_t>{7, 3, 9, 3});
}

TEST_CASE("an epoch can start at a later batch") {
  const MemoryDataset dataset = numbered_images(50);
  BatchLoader loader(dataset, all_indices(50), {.batch_size = 8});
  const auto whole = visited(loader, 2);
  CHECK(visited(loader, 2, 3) == std::vector<std::int64_t>(whole.begin() + 24, whole.end()));
  CHECK(visited(loader, 2, 100).empty());
}

TEST_CASE("a batch larger than the set is one short batch, and no indices are an empty epoch") {
  const MemoryDataset dataset = numbered_images(5);
  BatchLoader large(dataset, all_indices(5), {.batch_size = 100});
  large.start_epoch(0);
  CHECK(large.next()->n == 5);
  CHECK_FALSE(large.next().has_value());
  BatchLoader none(dataset, {}, {.batch_size = 4});
  CHECK(visited(none, 0).empty());
  CHECK(none.batches_per_epoch() == 0);
}

TEST_CASE("before the first epoch there is no batch") {
  const MemoryDataset dataset = numbered_images(5);
  BatchLoader loader(dataset, all_indices(5), {});
  CHECK_FALSE(loader.next().has_value());
}

TEST_CASE("an error in the thread comes out of next after the good batches") {
  const FailingDataset dataset(55);
  BatchLoader loader(dataset, all_indices(100), {.batch_size = 10, .shuffle = false});
  for (int attempt = 0; attempt < 2; ++attempt) {
    loader.start_epoch(0);
    for (int i = 0; i < 5; ++i) CHECK(loader.next()->n == 10);
    CHECK(contains(error_of<FileError>([&] { loader.next(); }), "image 55 is unreadable"));
    CHECK_FALSE(loader.next().has_value());
  }
}

TEST_CASE("a loader may be destroyed or restarted in the middle of an epoch") {
  const FailingDataset dataset(-1);
  for (int taken = 0; taken < 4; ++taken) {
    BatchLoader loader(dataset, all_indices(100), {.batch_size = 10, .shuffle = false, .depth = 2});
    loader.start_epoch(0);
    for (int i = 0; i < taken; ++i) CHECK(loader.next()->indices.front() == 10 * i);
    loader.start_epoch(1);
    CHECK(loader.next()->indices.front() == 0);
  }
}

TEST_CASE("a settled loader has read as far ahead as it may, and gives the same batches") {
  const FailingDataset dataset(-1);
  BatchLoader loader(dataset, all_indices(95), {.batch_size = 10, .shuffle = false, .depth = 2});
  loader.settle();  // before the first epoch there is nothing to wait for
  for (int epoch = 0; epoch < 2; ++epoch) {
    loader.start_epoch(epoch);
    loader.settle();
    for (int i = 0; i < 10; ++i) {
      CHECK(loader.next()->indices.front() == 10 * i);
      loader.settle();
    }
    CHECK_FALSE(loader.next().has_value());
  }
}

TEST_CASE("the loader counts the time spent waiting for images") {
  const FailingDataset dataset(-1);
  BatchLoader loader(dataset, all_indices(100), {.batch_size = 10});
  CHECK(loader.waited().count() == 0);
  visited(loader, 0);
  CHECK(loader.waited() > std::chrono::milliseconds(5));  // 10 reads of 2 ms, with nothing to do between
}

TEST_CASE("shuffling by blocks keeps the images of a block close together") {
  constexpr std::int64_t block = 8192, size = 20 * block;  // 4 blocks are mixed at a time
  const auto order = epoch_order(all_indices(size), 3, 0, block);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == all_indices(size));
  CHECK(order != epoch_order(all_indices(size), 3, 1, block));
  for (std::size_t group = 0; group < 5; ++group) {
    std::set<std::int64_t> blocks;
    for (std::size_t i = group * 4 * block; i < (group + 1) * 4 * block; ++i) blocks.insert(order[i] / block);
    CHECK(blocks.size() == 4);
  }
}

TEST_CASE("the loader refuses indices and settings that make no sense") {
  const MemoryDataset dataset = numbered_images(5);
  CHECK(contains(error_of<UsageError>([&] { BatchLoader(dataset, {5}, {}); }), "there is no image 5, expected 0 to 4"));
  CHECK_THROWS_AS(BatchLoader(dataset, {-1}, {}), UsageError);
  CHECK_THROWS_AS(BatchLoader(dataset, {0}, {.batch_size = 0}), UsageError);
  CHECK_THROWS_AS(BatchLoader(dataset, {0}, {.depth = 0}), UsageError);
}
