#include "data/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <numeric>
#include <span>
#include <thread>
#include <utility>

#include "data/files/error.h"
#include "data/files/random.h"

namespace cascadecl {
namespace {

constexpr std::int64_t images_mixed = 32'768;  // in one group of blocks, when shuffling by blocks

template <typename T>
void shuffle(std::span<T> values, RandomStream& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace

std::vector<std::int64_t> all_indices(std::int64_t size) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(size));
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

std::vector<std::int64_t> epoch_order(std::vector<std::int64_t> indices, std::uint64_t seed, std::uint64_t epoch,
                                      std::int64_t block) {
  RandomStream random(seed, RandomPurpose::shuffle, epoch);
  if (block <= 1) {
    shuffle(std::span(indices), random);
    return indices;
  }
  std::vector<std::int64_t> blocks;
  for (const std::int64_t index : indices) blocks.push_back(index / block);
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  std::vector<std::int64_t> place(blocks.size());  // of each block in the shuffled row of blocks
  std::iota(place.begin(), place.end(), std::int64_t{0});
  shuffle(std::span(place), random);
  const std::int64_t blocks_mixed = std::max<std::int64_t>(1, images_mixed / block);
  const auto group_of = [&](std::int64_t index) {
    const auto found = std::lower_bound(blocks.begin(), blocks.end(), index / block) - blocks.begin();
    return place[static_cast<std::size_t>(found)] / blocks_mixed;
  };
  shuffle(std::span(indices), random);
  std::stable_sort(indices.begin(), indices.end(),
                   [&](std::int64_t a, std::int64_t b) { return group_of(a) < group_of(b); });
  return indices;
}

struct BatchLoader::Impl {
  Impl(const Dataset& source, std::vector<std::int64_t> chosen, LoaderSettings wanted)
      : dataset(source), indices(std::move(chosen)), settings(wanted) {}

  void run(const std::stop_token& stop, std::vector<std::int64_t> order, std::int64_t first_batch);
  Batch read(std::span<const std::int64_t> part) const;
  void stop();

  const Dataset& dataset;
  std::vector<std::int64_t> indices;
  LoaderSettings settings;
  std::chrono::nanoseconds waited{0};

  std::mutex mutex;  // guards what follows
  std::condition_variable_any changed;
  std::deque<Batch> ready;
  std::exception_ptr error;
  bool finished = true;
  bool settled = false;  // the thread waits for room

  std::jthread thread;  // last: ends before the rest is destroyed
};

Batch BatchLoader::Impl::read(std::span<const std::int64_t> part) const {
  Batch batch{.n = static_cast<std::int64_t>(part.size()), .images = {}, .labels = {}, .indices = {}};
  batch.images.resize(part.size() * static_cast<std::size_t>(dataset.header().dims.bytes()));
  dataset.read(part, batch.images.data());
  batch.indices.assign(part.begin(), part.end());
  for (const std::int64_t index : part) batch.labels.push_back(dataset.labels()[static_cast<std::size_t>(index)]);
  return batch;
}

void BatchLoader::Impl::run(const std::stop_token& stop, std::vector<std::int64_t> order, std::int64_t first_batch) {
  try {
    const auto size = static_cast<std::size_t>(settings.batch_size);
    for (std::size_t first = static_cast<std::size_t>(first_batch) * size; first < order.size(); first += size) {
      const std::size_t count = std::min(size, order.size() - first);
      if (count < size && settings.drop_last) break;
      Batch batch = read(std::span(order).subspan(first, count));
      std::unique_lock lock(mutex);
      const auto has_room = [&] { return ready.size() < static_cast<std::size_t>(settings.depth); };
      settled = !has_room();
      changed.notify_all();
      if (!changed.wait(lock, stop, has_room)) return;
      settled = false;
      ready.push_back(std::move(batch));
      changed.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex);
    error = std::current_exception();
  }
  const std::lock_guard lock(mutex);
  finished = true;
  changed.notify_all();
}

void BatchLoader::Impl::stop() {
  thread.request_stop();
  if (thread.joinable()) thread.join();
  ready.clear();
  error = nullptr;
  finished = true;
  settled = false;
}

BatchLoader::BatchLoader(const Dataset& dataset, std::vector<std::int64_t> indices, LoaderSettings settings) {
  if (settings.batch_size < 1) throw UsageError(fmt::format("batch size {}, expected at least 1", settings.batch_size));
  if (settings.depth < 1) throw UsageError(fmt::format("loader depth {}, expected at least 1", settings.depth));
  for (const std::int64_t index : indices)
    if (index < 0 || index >= dataset.size())
      throw UsageError(fmt::format("dataset {}: there is no image {}, expected 0 to {}", dataset.header().name, index,
                                   dataset.size() - 1));
  impl_ = std::make_unique<Impl>(dataset, std::move(indices), settings);
}

BatchLoader::~BatchLoader() { impl_->stop(); }

std::int64_t BatchLoader::batches_per_epoch() const {
  const auto images = static_cast<std::int64_t>(impl_->indices.size());
  const std::int64_t size = impl_->settings.batch_size;
  return impl_->settings.drop_last ? images / size : (images + size - 1) / size;
}

std::int64_t BatchLoader::images_per_epoch() const {
  const auto images = static_cast<std::int64_t>(impl_->indices.size());
  return impl_->settings.drop_last ? images - images % impl_->settings.batch_size : images;
}

void BatchLoader::start_epoch(int epoch, std::int64_t first_batch) {
  impl_->stop();
  const LoaderSettings& settings = impl_->settings;
  std::vector<std::int64_t> order =
      settings.shuffle
          ? epoch_order(impl_->indices, settings.seed, static_cast<std::uint64_t>(epoch), impl_->dataset.block())
          : impl_->indices;
  impl_->finished = false;
  impl_->thread = std::jthread([impl = impl_.get(), order = std::move(order), first_batch](
                                   std::stop_token stop) mutable { impl->run(stop, std::move(order), first_batch); });
}

std::optional<Batch> BatchLoader::next() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return !impl_->ready.empty() || impl_->finished; });
  impl_->waited += std::chrono::steady_clock::now() - start;
  if (impl_->ready.empty()) {
    if (impl_->error) std::rethrow_exception(std::exchange(impl_->error, nullptr));
    return std::nullopt;
  }
  Batch batch = std::move(impl_->ready.front());
  impl_->ready.pop_front();
  impl_->changed.notify_all();
  return batch;
}

void BatchLoader::settle() {
  std::unique_lock lock(impl_->mutex);
  const auto full = [&] { return impl_->ready.size() == static_cast<std::size_t>(impl_->settings.depth); };
  impl_->changed.wait(lock, [&] { return impl_->finished || (impl_->settled && full()); });
}

std::chrono::nanoseconds BatchLoader::waited() const { return impl_->waited; }

}  // namespace cascadecl
