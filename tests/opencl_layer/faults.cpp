#include "tests/opencl_layer/faults.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>

namespace opencl_layer {
namespace {

FaultClock& fault_clock() {
  static const char* text = std::getenv("OPENCL_FAULTS");
  static FaultClock* const only = new FaultClock(parse_fault_plan(text ? text : ""));  // outlives all other statics
  return *only;
}

[[noreturn]] void hang() {
  while (true) ::pause();
}

void wait_for(cl_device_id device) {
  if (fault_clock().stopped(device)) hang();
  while (fault_clock().stalled(device)) ::usleep(1000);
}

// Tells that the library is taken down.
struct End {
  ~End() {
    if (const std::string& file = fault_clock().plan().ended; !file.empty()) std::ofstream(file) << "ended\n";
  }
} const end;

void fill_with_nan(void* out, size_t bytes) {
  constexpr cl_uint quiet_nan = 0x7FC00000;
  for (size_t at = 0; at + sizeof quiet_nan <= bytes; at += sizeof quiet_nan)
    std::memcpy(static_cast<char*>(out) + at, &quiet_nan, sizeof quiet_nan);
}

cl_device_id first_of(const std::vector<cl_device_id>& devices) { return devices.empty() ? nullptr : devices.front(); }

// The device that a call is for, by its first argument.
cl_device_id device_called(cl_command_queue queue) { return device_of(queue); }
cl_device_id device_called(cl_context context) { return first_of(devices_of(context)); }
cl_device_id device_called(cl_mem memory) { return first_of(devices_of(context_of(memory))); }
cl_device_id device_called(cl_program program) { return first_of(devices_of(program)); }

// A call that gives an error code: counted, then made or failed.
template <class Call>
cl_int watched(cl_device_id device, const char* kind, const char* function, Call call) {
  const Fault fault = fault_clock().tick(device, kind, function);
  if (fault == Fault::error) return fault_clock().error();
  if (fault == Fault::hang && std::string(kind) == "build") hang();
  return call();
}

// A call that gives an object and writes its error code to *status.
template <class Call>
auto watched_creation(cl_device_id device, const char* kind, const char* function, cl_int* status, Call call)
    -> decltype(call()) {
  const Fault fault = fault_clock().tick(device, kind, function);
  if (fault == Fault::hang) hang();
  if (fault != Fault::error) return call();
  if (status) *status = fault_clock().error();
  return nullptr;
}

// An entry that only counts and may fail: its kind, its function's name, and how the call below is reached.
template <auto entry>
struct Names {
  static const char *kind, *function;
};
template <auto entry>
const char* Names<entry>::kind = nullptr;
template <auto entry>
const char* Names<entry>::function = nullptr;

template <auto entry, class Object, class... Args>
cl_int CL_API_CALL counted(Object object, Args... arguments) {
  return watched(device_called(object), Names<entry>::kind, Names<entry>::function,
                 [&] { return (below().*entry)(object, arguments...); });
}

template <auto entry, class Created, class Object, class... Args>
Created CL_API_CALL counted_creation(Object object, Args... arguments) {
  cl_int* status = std::get<sizeof...(Args) - 1>(std::tuple(arguments...));
  return watched_creation(device_called(object), Names<entry>::kind, Names<entry>::function, status,
                          [&] { return (below().*entry)(object, arguments...); });
}

template <auto entry, class Object, class... Args>
void count(cl_icd_dispatch& entries, const char* kind, const char* function,
           cl_int (CL_API_CALL* cl_icd_dispatch::*)(Object, Args...)) {
  Names<entry>::kind = kind;
  Names<entry>::function = function;
  entries.*entry = counted<entry, Object, Args...>;
}

template <auto entry, class Created, class Object, class... Args>
requires std::is_pointer_v<Created>
void count(cl_icd_dispatch& entries, const char* kind, const char* function,
           Created (CL_API_CALL* cl_icd_dispatch::*)(Object, Args...)) {
  Names<entry>::kind = kind;
  Names<entry>::function = function;
  entries.*entry = counted_creation<entry, Created, Object, Args...>;
}

cl_context CL_API_CALL create_context(const cl_context_properties* properties, cl_uint count,
                                      const cl_device_id* devices,
                                      void(CL_CALLBACK* notify)(const char*, const void*, size_t, void*), void* user,
                                      cl_int* status) {
  return watched_creation(count ? devices[0] : nullptr, "create", "clCreateContext", status,
                          [&] { return below().clCreateContext(properties, count, devices, notify, user, status); });
}

cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes,
                               void* out, cl_uint wait_count, const cl_event* waits, cl_event* event) {
  cl_device_id device = device_of(queue);
  const Fault fault = fault_clock().tick(device, "read", "clEnqueueReadBuffer");
  if (fault == Fault::error) return fault_clock().error();
  if (blocking) wait_for(device);
  const cl_bool wait = fault == Fault::nan ? CL_TRUE : blocking;
  const cl_int status = below().clEnqueueReadBuffer(queue, buffer, wait, offset, bytes, out, wait_count, waits, event);
  if (fault == Fault::nan && status == CL_SUCCESS) fill_with_nan(out, bytes);
  return status;
}

cl_int CL_API_CALL write_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t bytes,
                                const void* values, cl_uint wait_count, const cl_event* waits, cl_event* event) {
  cl_device_id device = device_of(queue);
  return watched(device, "write", "clEnqueueWriteBuffer", [&] {
    if (blocking) wait_for(device);
    return below().clEnqueueWriteBuffer(queue, buffer, blocking, offset, bytes, values, wait_count, waits, event);
  });
}

cl_int CL_API_CALL finish(cl_command_queue queue) {
  cl_device_id device = device_of(queue);
  return watched(device, "finish", "clFinish", [&] {
    wait_for(device);
    return below().clFinish(queue);
  });
}

cl_int CL_API_CALL wait_for_events(cl_uint count, const cl_event* events) {
  cl_command_queue queue = nullptr;
  if (count && events)
    below().clGetEventInfo(events[0], CL_EVENT_COMMAND_QUEUE, sizeof(cl_command_queue), static_cast<void*>(&queue),
                           nullptr);
  cl_device_id device = queue ? device_of(queue) : nullptr;
  return watched(device, "finish", "clWaitForEvents", [&] {
    wait_for(device);
    return below().clWaitForEvents(count, events);
  });
}

}  // namespace

void replace_entries(cl_icd_dispatch& entries) {
  using Table = cl_icd_dispatch;
  fault_clock();  // so that a wrong setting is told at once
  entries.clCreateContext = create_context;
  entries.clEnqueueReadBuffer = read_buffer;
  entries.clEnqueueWriteBuffer = write_buffer;
  entries.clFinish = finish;
  entries.clWaitForEvents = wait_for_events;
#define COUNT(kind, entry) count<&Table::entry>(entries, kind, #entry, &Table::entry)
  COUNT("create", clCreateCommandQueue);
  COUNT("create", clCreateCommandQueueWithProperties);
  COUNT("buffer", clCreateBuffer);
  COUNT("buffer", clCreateSubBuffer);
  COUNT("build", clCreateProgramWithSource);
  COUNT("build", clBuildProgram);
  COUNT("kernel", clCreateKernel);
  COUNT("enqueue", clEnqueueNDRangeKernel);
  COUNT("enqueue", clEnqueueCopyBuffer);
  COUNT("enqueue", clEnqueueFillBuffer);
  COUNT("finish", clFlush);
#undef COUNT
}

}  // namespace opencl_layer
