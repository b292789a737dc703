#include "runtime/opencl/device.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <tuple>
#include <utility>

#include "data/files/error.h"
#include "kernels/sources.h"
#include "runtime/opencl/checked.h"
#include "runtime/opencl/huge_pages.h"
#include "runtime/opencl/status.h"
#include "runtime/opencl/time_limit.h"

namespace cascadecl {

struct Device::State {
  struct Programs {
    std::map<std::string, cl::Program> built;   // so far, by file and options
    std::atomic<int> made = 0, from_cache = 0;  // which may be asked for while a thread that was left behind goes on
  };

  DeviceInfo info;
  DeviceSettings settings;
  ProgramCache cache;
  cl::Context context = {};
  cl::CommandQueue queue = {};
  std::shared_ptr<CommandLog> log = {};  // of the queue's commands, if they are observed
  // Shared by handles with queues of their own.
  std::shared_ptr<Programs> programs = std::make_shared<Programs>();
  std::shared_ptr<HugePages> huge_pages = std::make_shared<HugePages>();  // for arrays of a processor
  std::size_t allocated_bytes = 0, largest_array_bytes = 0;
  bool rehearses = false;

  cl::Program program(std::string_view file, const std::string& source, const std::string& options);
  template <class Enqueue>
  void transfer(Command::Kind kind, std::size_t bytes, const Enqueue& enqueue) const {
    const auto describe = [&] { return Command{.kind = kind, .bytes = bytes}; };
    log_command(log.get(), describe, enqueue);
  }
  void tell_commands() const;  // once the queue is empty
  void count(std::size_t bytes) {
    allocated_bytes += bytes;
    largest_array_bytes = std::max(largest_array_bytes, bytes);
  }
};

namespace {

// Options of every program: relaxed contraction of a*b+c, OpenCL C 1.2 as the common denominator.
constexpr std::string_view kCommonOptions = "-cl-std=CL1.2 -cl-mad-enable";

bool is_oclgrind(const DeviceInfo& device) { return device.platform_name == "Oclgrind"; }

// Oclgrind interprets kernels and knows no prefetch, but its compiler says it has one.
std::string_view quirks(const DeviceInfo& device) { return is_oclgrind(device) ? " -DNO_PREFETCH" : ""; }

// What the compiler said, from a new line on; empty if it said nothing.
std::string build_log(const cl::Program& program, const DeviceInfo& device) {
  try {
    const std::string log = program.getBuildInfo<CL_PROGRAM_BUILD_LOG>(device.handle);
    return log.find_first_not_of(std::string_view("\n \0", 3)) == std::string::npos ? "" : "\n" + log;
  } catch (const cl::Error&) {
    return {};
  }
}

cl::Program build_from_source(const cl::Context& context, const DeviceInfo& device, std::string_view file,
                              const std::string& source, const std::string& options) {
  const std::string what = fmt::format("building kernels/{} with {}", file, options);
  auto program = checked(device, what, [&] { return cl::Program(context, source); });
  try {
    program.build({device.handle}, options.c_str());
  } catch (const cl::Error& error) {
    throw DeviceError(fmt::format("device {}: {} failed: clBuildProgram returned {}{}", device.name, what,
                                  status_name(error.err()), build_log(program, device)));
  }
  return program;
}

// A program from a cached binary, or nothing if the driver does not take it.
std::optional<cl::Program> build_from_binary(const cl::Context& context, const DeviceInfo& device,
                                             const std::vector<unsigned char>& binary, const std::string& options) {
  try {
    cl::Program program(context, {device.handle}, {binary});
    program.build({device.handle}, options.c_str());
    return program;
  } catch (const cl::Error&) {
    return std::nullopt;
  }
}

// Asks for no binary that nobody keeps: PoCL compiles all kernels anew for one.
void store_binary(const ProgramCache& cache, const std::string& key, const cl::Program& program) {
  if (!cache.keeps()) return;
  try {
    const auto binaries = program.getInfo<CL_PROGRAM_BINARIES>();
    if (!binaries.empty()) cache.store(key, binaries.front());
  } catch (const cl::Error&) {  // a driver without binaries: nothing is cached
  }
}

// Oclgrind has memory of its own, in which it watches every access.
bool computes_in_host_memory(const DeviceInfo& device) {
  return device.device_class == DeviceClass::cpu && !is_oclgrind(device);
}

// A buffer in host memory, which it gives back when the driver has no more use for it.
cl::Buffer buffer_on_host(const cl::Context& context, HugePages& pages, std::size_t bytes) {
  using Memory = std::shared_ptr<std::byte>;
  auto memory = std::make_unique<Memory>(pages.allocate(bytes));
  cl::Buffer buffer(context, CL_MEM_READ_WRITE | CL_MEM_USE_HOST_PTR, bytes, memory->get());
  buffer.setDestructorCallback([](cl_mem, void* kept) { delete static_cast<Memory*>(kept); }, memory.get());
  memory.release();
  return buffer;
}

}  // namespace

// From the cache, else from source.
cl::Program Device::State::program(std::string_view file, const std::string& source, const std::string& options) {
  const std::string key = program_key(info, source, options);
  if (const auto binary = cache.load(key, settings.warning)) {
    if (const auto cached = build_from_binary(context, info, *binary, options)) {
      ++programs->from_cache;
      return *cached;
    }
    cascadecl::warn(
        settings.warning,
        fmt::format("kernels/{}: device {} refuses its cached program: dropped and built anew", file, info.name));
    cache.drop(key);
  }
  cl::Program built = build_from_source(context, info, file, source, options);
  ++programs->made;
  store_binary(cache, key, built);
  return built;
}

void Device::State::tell_commands() const {
  if (log) checked(info, "asking for the times of commands", [&] { log->tell(); });
}

Device::Device(const DeviceInfo& info, const DeviceSettings& settings)
    : state_(std::make_shared<State>(State{info, settings, ProgramCache(settings.cache_folder)})) {
  const auto open = [device = info.handle] {
    const cl::Context context(device);
    return std::pair(context, cl::CommandQueue(context, device));
  };
  checked(info, "opening", [&] {
    std::tie(state_->context, state_->queue) = call_within(settings.time_limit, info.name, "opening", open);
  });
  tuning_ = std::make_shared<Tuning>(
      std::vector<Tuning::Layer>{{TuningSource::user, tuning_store().load(settings.warning)},
                                 {TuningSource::shipped, shipped_tuning(info.tuning_class())}});
}

Device Device::with_tuning(Tuning tuning) const {
  Device other = *this;
  other.tuning_ = std::make_shared<Tuning>(std::move(tuning));
  return other;
}

Device Device::rehearsal() const {
  Device other = *this;
  other.state_ = std::make_shared<State>(State{.info = state_->info,
                                               .settings = state_->settings,
                                               .cache = ProgramCache({}),
                                               .context = state_->context,
                                               .queue = state_->queue,
                                               .rehearses = true});
  return other;
}

Device Device::observed(CommandObserver observer) const {
  if (rehearses()) return *this;
  Device other = *this;
  other.state_ = std::make_shared<State>(*state_);
  State& state = *other.state_;
  checked(state.info, "opening a queue that tells times",
          [&] { state.queue = cl::CommandQueue(state.context, state.info.handle, CL_QUEUE_PROFILING_ENABLE); });
  state.log = std::make_shared<CommandLog>(std::move(observer));
  return other;
}

CommandLog* Device::command_log() const { return state_->log.get(); }
bool Device::rehearses() const { return state_->rehearses; }

TuningStore Device::tuning_store() const {
  const DeviceInfo& i = state_->info;
  const std::filesystem::path& folder = state_->settings.cache_folder;
  return TuningStore::of_device(folder.empty() ? folder : folder / "tuning",
                                {i.platform_name, i.name, i.driver_version, i.tuning_class()});
}

void Device::warn(const std::string& text) const { cascadecl::warn(state_->settings.warning, text); }
ProgramCounts Device::program_counts() const {
  return {.built = state_->programs->made, .from_cache = state_->programs->from_cache};
}

const DeviceInfo& Device::info() const { return state_->info; }
const cl::Context& Device::context() const { return state_->context; }
const cl::CommandQueue& Device::queue() const { return state_->queue; }
std::size_t Device::allocated_bytes() const { return state_->allocated_bytes; }
std::size_t Device::largest_array_bytes() const { return state_->largest_array_bytes; }

Kernel Device::kernel(std::string_view file, std::string_view name, const Defines& defines) const {
  if (state_->rehearses) return {};
  const std::string options = fmt::format("{}{} {}", kCommonOptions, quirks(info()), defines.options());
  const std::string memory_key = fmt::format("{}\n{}", file, options);
  auto& programs = state_->programs->built;
  auto found = programs.find(memory_key);
  if (found == programs.end()) {
    const auto source = kernel_sources().find(file);
    if (source == kernel_sources().end()) throw DeviceError(fmt::format("kernels/{}: no such kernel file", file));
    found = programs.emplace(memory_key, state_->program(file, source->second, options)).first;
  }
  const std::string full_name = fmt::format("{} ({})", name, file);
  return checked(state_->info, fmt::format("kernel {}", full_name), [&] {
    return Kernel(cl::Kernel(found->second, std::string(name).c_str()), state_->queue, full_name, state_->info.name,
                  state_->log);
  });
}

cl::Buffer Device::allocate_bytes(std::size_t bytes) const {
  if (state_->rehearses) {
    state_->count(bytes);
    return {};
  }
  if (bytes > state_->info.max_allocation_bytes) {
    throw DeviceError(
        fmt::format("device {}: an allocation of {} bytes is more than the {} the device allows; use a smaller batch",
                    state_->info.name, bytes, state_->info.max_allocation_bytes));
  }
  state_->count(bytes);
  return checked(state_->info, fmt::format("allocation of {} bytes", bytes), [&] {
    return computes_in_host_memory(state_->info) ? buffer_on_host(state_->context, *state_->huge_pages, bytes)
                                                 : cl::Buffer(state_->context, CL_MEM_READ_WRITE, bytes);
  });
}

cl::Buffer Device::slice_bytes(const cl::Buffer& buffer, std::size_t offset, std::size_t bytes) const {
  if (state_->rehearses) return {};
  return checked(state_->info, fmt::format("slicing {} bytes at {}", bytes, offset), [&] {
    const cl_buffer_region region{offset, bytes};
    return cl::Buffer(buffer).createSubBuffer(CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region);
  });
}

void Device::write_bytes(const cl::Buffer& buffer, const void* values, std::size_t bytes, std::size_t offset) const {
  if (state_->rehearses) return;
  checked(state_->info, fmt::format("writing {} bytes", bytes), [&] {
    state_->transfer(Command::Kind::write, bytes, [&](cl::Event* event) {
      state_->queue.enqueueWriteBuffer(buffer, CL_TRUE, offset, bytes, values, nullptr, event);
    });
  });
}

void Device::read_bytes(const cl::Buffer& buffer, void* values, std::size_t bytes, std::size_t offset) const {
  if (state_->rehearses) return;
  checked(state_->info, fmt::format("reading {} bytes", bytes), [&] {
    state_->transfer(Command::Kind::read, bytes, [&](cl::Event* event) {
      state_->queue.enqueueReadBuffer(buffer, CL_TRUE, offset, bytes, values, nullptr, event);
    });
  });
  state_->tell_commands();
}

void Device::fill_bytes(const cl::Buffer& buffer, const void* pattern, std::size_t pattern_bytes,
                        std::size_t bytes) const {
  if (state_->rehearses) return;
  state_->transfer(Command::Kind::fill, bytes, [&](cl::Event* event) {
    const cl_int status =
        clEnqueueFillBuffer(state_->queue(), buffer(), pattern, pattern_bytes, 0, bytes, 0, nullptr, handle_of(event));
    if (status != CL_SUCCESS) {
      throw DeviceError(fmt::format("device {}: filling {} bytes failed: clEnqueueFillBuffer returned {}",
                                    state_->info.name, bytes, status_name(status)));
    }
  });
}

void Device::copy_bytes(const cl::Buffer& from, const cl::Buffer& to, std::size_t bytes, std::size_t from_offset,
                        std::size_t to_offset) const {
  if (state_->rehearses) return;
  checked(state_->info, fmt::format("copying {} bytes", bytes), [&] {
    state_->transfer(Command::Kind::copy, bytes, [&](cl::Event* event) {
      state_->queue.enqueueCopyBuffer(from, to, from_offset, to_offset, bytes, nullptr, event);
    });
  });
}

void Device::flush() const {
  if (state_->rehearses) return;
  checked(state_->info, "starting the queue", [&] { state_->queue.flush(); });
}

void Device::finish() const {
  if (state_->rehearses) return;
  checked(state_->info, "waiting for the queue", [&] { state_->queue.finish(); });
  state_->tell_commands();
}

}  // namespace cascadecl
