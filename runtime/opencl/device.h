#pragma once
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/opencl/array.h"
#include "runtime/opencl/command_log.h"
#include "runtime/opencl/device_info.h"
#include "runtime/opencl/kernel.h"
#include "runtime/opencl/program_cache.h"
#include "runtime/tuning/tuning.h"
#include "runtime/tuning/tuning_store.h"
#include "runtime/warning.h"

namespace cascadecl {

struct DeviceSettings {
  // Holds built programs and, in its folder "tuning", results of tuning. Empty: neither is kept nor read.
  std::filesystem::path cache_folder = ProgramCache::default_folder();
  WarningHandler warning = {};
  // How long opening may take. None: no limit.
  std::optional<std::chrono::milliseconds> time_limit = {};
};

// Programs of a device so far, by where they came from.
struct ProgramCounts {
  int built = 0, from_cache = 0;
};

// An opened OpenCL device: its context, one in-order queue, its built programs and its tuning. A copy is another handle
// on the same device. For one thread at a time. All transfers are in order with the kernels.
class Device {
 public:
  // Throws DeviceError naming the device if the context cannot be made, DeviceHangError if that takes too long.
  explicit Device(const DeviceInfo& info, const DeviceSettings& settings = {});

  const DeviceInfo& info() const;
  int channel_block() const { return info().channel_block(); }
  const cl::Context& context() const;
  const cl::CommandQueue& queue() const;
  // Whether both are handles on one opened device.
  bool same_as(const Device& other) const { return context()() == other.context()(); }

  // The kernel `name` of kernels/`file`, built with `defines` (once; then from memory or the cache on disk).
  // Throws DeviceError with kernel, device, defines and the build log.
  Kernel kernel(std::string_view file, std::string_view name, const Defines& defines) const;

  ProgramCounts program_counts() const;

  // The tuning that kernels look their tunables up in. with_tuning() gives a handle that shares everything else.
  Tuning& tuning() const { return *tuning_; }
  Device with_tuning(Tuning tuning) const;
  // Where results of tuning on this device are kept.
  TuningStore tuning_store() const;
  void warn(const std::string& text) const;

  // Tells how much memory something needs before it is built: a handle that only counts. Its arrays have a size and no
  // memory, its kernels launch nothing, and what is read back is zero. It asks nothing of the device. Counting starts
  // at 0, and the device's allocation limit is not enforced.
  Device rehearsal() const;
  bool rehearses() const;

  // A handle with a queue of its own that tells the observer all its commands, whenever finish() or a read has waited
  // for them. Use one handle for everything that works on an array, since two queues have no order between them. A
  // rehearsal runs nothing and stays as it is. Throws DeviceError if there is no such queue.
  Device observed(CommandObserver observer) const;
  // The log of the queue, for calls that enqueue by themselves and to name the layers of commands. Null if nobody
  // observes.
  CommandLog* command_log() const;

  // Uninitialised memory. size 0 gives an empty array. Throws DeviceError with the bytes asked for and the bytes that
  // the device has.
  template <class T>
  Array<T> allocate(std::size_t size) const {
    return size ? Array<T>(allocate_bytes(size * sizeof(T)), size) : Array<T>();
  }
  template <class T>
  Array<T> upload(std::span<const T> values) const {
    Array<T> array = allocate<T>(values.size());
    write(array, values);
    return array;
  }
  template <class T>
  Array<T> upload(const std::vector<T>& values) const {
    return upload(std::span<const T>(values));
  }
  // Copies to array[offset...] and returns when `values` may be reused.
  template <class T>
  void write(const Array<T>& array, std::span<const T> values, std::size_t offset = 0) const {
    if (!values.empty()) write_bytes(array.buffer(), values.data(), values.size_bytes(), offset * sizeof(T));
  }
  template <class T>
  void fill(const Array<T>& array, T value) const {
    if (!array.empty()) fill_bytes(array.buffer(), &value, sizeof value, array.size() * sizeof(T));
  }
  // Waits for everything before it, then copies array[offset...offset + count) to the host.
  template <class T>
  std::vector<T> read(const Array<T>& array, std::size_t count, std::size_t offset = 0) const {
    std::vector<T> values(count);
    if (count) read_bytes(array.buffer(), values.data(), count * sizeof(T), offset * sizeof(T));
    return values;
  }
  template <class T>
  std::vector<T> read(const Array<T>& array) const {
    return read(array, array.size());
  }
  template <class T>
  void copy(const Array<T>& from, const Array<T>& to, std::size_t count, std::size_t from_offset = 0,
            std::size_t to_offset = 0) const {
    if (count)
      copy_bytes(from.buffer(), to.buffer(), count * sizeof(T), from_offset * sizeof(T), to_offset * sizeof(T));
  }
  // `count` elements of `array` from `offset` on, as a handle on the same memory. offset must be a multiple of
  // slice_step<T>().
  template <class T>
  Array<T> slice(const Array<T>& array, std::size_t offset, std::size_t count) const {
    return Array<T>(slice_bytes(array.buffer(), offset * sizeof(T), count * sizeof(T)), count);
  }
  // In elements. It follows from the device's alignment of sub-buffers, and is never less than that of common devices.
  template <class T>
  std::size_t slice_step() const {
    return std::max<std::size_t>(256, info().alignment_bytes / sizeof(T));
  }

  void flush() const;   // starts what is queued
  void finish() const;  // waits for all that is queued

  std::size_t allocated_bytes() const;      // by all calls of allocate() so far, freed or not
  std::size_t largest_array_bytes() const;  // by one call of allocate() so far

 private:
  struct State;
  cl::Buffer allocate_bytes(std::size_t bytes) const;
  cl::Buffer slice_bytes(const cl::Buffer& buffer, std::size_t offset, std::size_t bytes) const;
  void write_bytes(const cl::Buffer& buffer, const void* values, std::size_t bytes, std::size_t offset) const;
  void read_bytes(const cl::Buffer& buffer, void* values, std::size_t bytes, std::size_t offset) const;
  void fill_bytes(const cl::Buffer& buffer, const void* pattern, std::size_t pattern_bytes, std::size_t bytes) const;
  void copy_bytes(const cl::Buffer& from, const cl::Buffer& to, std::size_t bytes, std::size_t from_offset,
                  std::size_t to_offset) const;
  std::shared_ptr<State> state_;
  std::shared_ptr<Tuning> tuning_;
};

}  // namespace cascadecl
