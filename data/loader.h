#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "data/dataset.h"

namespace cascadecl {

// Images on their way to a device.
struct Batch {
  std::int64_t n = 0;
  std::vector<std::uint8_t> images;   // [n][C][H][W]
  std::vector<std::int32_t> labels;   // [n]
  std::vector<std::int64_t> indices;  // [n], in the dataset
};

struct LoaderSettings {
  int batch_size = 128;
  bool shuffle = true;
  std::uint64_t seed = 0;
  bool drop_last = false;  // leave out the last batch of an epoch if it is not full
  int depth = 4;           // batches prepared ahead
};

// The order in which an epoch visits `indices`: a permutation that depends on seed and epoch alone. With block > 1 (see
// Dataset::block), indices are shuffled by groups of blocks, so that each block is needed only for a short while.
std::vector<std::int64_t> epoch_order(std::vector<std::int64_t> indices, std::uint64_t seed, std::uint64_t epoch,
                                      std::int64_t block = 1);

// Reads batches ahead of their use in a thread of its own.
//   BatchLoader loader(dataset, indices, {.batch_size = 128, .seed = 1});
//   for (int epoch = 0; epoch < epochs; ++epoch) {
//     loader.start_epoch(epoch);
//     while (auto batch = loader.next()) train_on(*batch);
//   }
// Which images are in which batch depends on indices, settings and epoch only, never on timing. Used by one thread.
class BatchLoader {
 public:
  // Keeps a reference to the dataset. Throws UsageError if an index is out of range or batch_size or depth is below 1.
  // No indices: every epoch is empty. A batch size above their number: one short batch (none with drop_last).
  BatchLoader(const Dataset& dataset, std::vector<std::int64_t> indices, LoaderSettings settings);
  ~BatchLoader();  // may be called in the middle of an epoch
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  std::int64_t batches_per_epoch() const;
  std::int64_t images_per_epoch() const;

  // Starts reading an epoch; the rest of an earlier one is dropped. first_batch > 0 leaves out that many batches, to
  // resume.
  void start_epoch(int epoch, std::int64_t first_batch = 0);

  // The next batch, or nothing at the end of the epoch or before the first one. Throws the error that the reading
  // thread met (FileError); the epoch has then ended.
  std::optional<Batch> next();

  // Waits until the thread has read as far ahead as it may. It then takes no core from work that is being timed.
  void settle();

  // How long next() has waited for the thread since the loader was made. A device may have been idle in that time.
  std::chrono::nanoseconds waited() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// 0, 1, ..., size - 1.
std::vector<std::int64_t> all_indices(std::int64_t size);

}  // namespace cascadecl
