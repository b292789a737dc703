#pragma once
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/opencl/array.h"
#include "runtime/opencl/command_log.h"
#include "runtime/opencl/opencl.h"

namespace cascadecl {

// The -D options of a program, in the order given.
class Defines {
 public:
  Defines() = default;
  Defines(std::initializer_list<std::pair<std::string_view, long>> values) {
    for (const auto& [name, value] : values) set(name, value);
  }
  void set(std::string_view name, long value) { entries_.emplace_back(name, std::to_string(value)); }
  void set(std::string_view name, std::string_view value) { entries_.emplace_back(name, value); }
  std::string options() const;  // "-DCB=16 -DTILE_W=8"

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// Work-items by dimension. An empty local range leaves the work-group size to the driver.
struct Range {
  std::size_t x = 1, y = 1, z = 1;
};

// A compiled kernel with its queue. Copies share the cl_kernel and with it the bound arguments, so one user at a time.
// An empty kernel, as a rehearsing device gives, launches nothing.
class Kernel {
 public:
  Kernel() = default;
  Kernel(cl::Kernel kernel, cl::CommandQueue queue, std::string name, std::string device,
         std::shared_ptr<CommandLog> log = {})
      : kernel_(std::move(kernel)),
        queue_(std::move(queue)),
        name_(std::move(name)),
        device_(std::move(device)),
        log_(std::move(log)) {}

  // Binds the arguments in order and enqueues. A size of zero in `global` launches nothing.
  // Arguments: Array<T> and ActivationArray, cl::Buffer, cl::LocalSpaceArg, int, unsigned, float, double, cl_ulong, and
  // structs of scalars as kernels/estimator_scalars.h, which kernels take by value. An empty Array binds NULL. Throws
  // DeviceError naming device, kernel, call, argument position and sizes.
  template <class... Args>
  void operator()(Range global, Range local, const Args&... args) {
    cl_uint position = 0;
    (bind(position++, args), ...);
    enqueue(global, &local);
  }
  template <class... Args>
  void run(Range global, const Args&... args) {
    cl_uint position = 0;
    (bind(position++, args), ...);
    enqueue(global, nullptr);
  }
  const std::string& name() const { return name_; }
  // The same kernel on another queue of its context, one that nobody observes.
  Kernel on(const cl::CommandQueue& queue) const {
    Kernel other = *this;
    other.queue_ = queue;
    other.log_.reset();
    return other;
  }

 private:
  template <class Memory>
  requires requires(const Memory& memory) { memory.buffer(); }
  void bind(cl_uint position, const Memory& memory) { bind_buffer(position, memory.buffer()); }
  void bind(cl_uint position, const cl::Buffer& buffer) { bind_buffer(position, buffer); }
  void bind(cl_uint position, const cl::LocalSpaceArg& space) { bind_bytes(position, space.size_, nullptr); }
  template <class T>
  requires std::is_arithmetic_v<T> ||
      (std::is_class_v<T>&& std::is_aggregate_v<T>&& std::is_trivially_copyable_v<T>)void bind(cl_uint position,
                                                                                               const T& value) {
    bind_bytes(position, sizeof value, &value);
  }
  void bind_buffer(cl_uint position, const cl::Buffer& buffer);
  void bind_bytes(cl_uint position, std::size_t bytes, const void* value);
  void enqueue(Range global, const Range* local);

  cl::Kernel kernel_;
  cl::CommandQueue queue_;
  std::string name_, device_;
  std::shared_ptr<CommandLog> log_;  // of the queue, if it is observed
};

}  // namespace cascadecl
