// Buffers on a presented device: sizes, alignment, and launches and transfers while its memory is short.
#include <memory>
#include <mutex>

#include "tests/opencl_layer/present.h"

namespace opencl_layer {
namespace {

// Bytes of the buffers that are alive, by device.
class Account {
 public:
  // False, and nothing is added, if that would be more than there is.
  bool add(cl_device_id device, cl_ulong bytes, cl_ulong limit) {
    const std::lock_guard lock(mutex_);
    cl_ulong& used = used_[device];
    if (used + bytes > limit) return false;
    used += bytes;
    return true;
  }
  void remove(cl_device_id device, cl_ulong bytes) {
    const std::lock_guard lock(mutex_);
    used_[device] -= bytes;
  }
  cl_ulong used(cl_device_id device) {
    const std::lock_guard lock(mutex_);
    return used_[device];
  }

 private:
  std::mutex mutex_;
  std::map<cl_device_id, cl_ulong> used_;
};

Account& account() {
  static Account* const all = new Account;  // lives as long as the process: buffers may die after statics do
  return *all;
}

// What one buffer holds of the account.
struct Reservation {
  std::vector<cl_device_id> devices;
  cl_ulong bytes = 0;
};

void give_back(const Reservation& reservation) {
  for (cl_device_id device : reservation.devices) account().remove(device, reservation.bytes);
}

void CL_CALLBACK buffer_died(cl_mem, void* reservation) {
  const std::unique_ptr<Reservation> owned(static_cast<Reservation*>(reservation));
  give_back(*owned);
}

template <class T>
T refused(cl_int error, cl_int* status) {
  if (status) *status = error;
  return nullptr;
}

cl_int reserve(const std::vector<cl_device_id>& devices, cl_ulong bytes, Reservation& reservation) {
  reservation.bytes = bytes;
  for (cl_device_id device : devices) {
    const Presentation* p = presentation_of(device);
    if (!p) continue;
    if (bytes > p->allocation.value_or(bytes)) return CL_INVALID_BUFFER_SIZE;
    const cl_ulong limit = p->memory_at_use ? ~cl_ulong{0} : p->memory.value_or(~cl_ulong{0});
    if (!account().add(device, bytes, limit)) return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    reservation.devices.push_back(device);
  }
  return CL_SUCCESS;
}

cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t bytes, void* host, cl_int* status) {
  auto reservation = std::make_unique<Reservation>();
  const cl_int error = reserve(devices_of(context), bytes, *reservation);
  cl_mem buffer = nullptr;
  if (error == CL_SUCCESS) buffer = below().clCreateBuffer(context, flags, bytes, host, status);
  const bool watched = buffer && !reservation->devices.empty() &&
                       below().clSetMemObjectDestructorCallback(buffer, buffer_died, reservation.get()) == CL_SUCCESS;
  if (watched) {
    static_cast<void>(reservation.release());  // buffer_died() owns it
  } else {
    give_back(*reservation);
  }
  return error == CL_SUCCESS ? buffer : refused<cl_mem>(error, status);
}

cl_mem CL_API_CALL create_sub_buffer(cl_mem buffer, cl_mem_flags flags, cl_buffer_create_type type, const void* region,
                                     cl_int* status) {
  for (cl_device_id device : devices_of(context_of(buffer))) {
    const Presentation* p = presentation_of(device);
    if (!p || !p->alignment_bits || type != CL_BUFFER_CREATE_TYPE_REGION || !region) continue;
    if (static_cast<const cl_buffer_region*>(region)->origin * 8 % *p->alignment_bits != 0)
      return refused<cl_mem>(CL_MISALIGNED_SUB_BUFFER_OFFSET, status);
  }
  return below().clCreateSubBuffer(buffer, flags, type, region, status);
}

// The call below, unless the queue's device is short of memory.
template <auto entry, class... Args>
cl_int CL_API_CALL if_memory_lasts(cl_command_queue queue, Args... arguments) {
  if (memory_is_short(device_of(queue))) return CL_MEM_OBJECT_ALLOCATION_FAILURE;
  return (below().*entry)(queue, arguments...);
}

template <auto entry, class... Args>
void guard(cl_icd_dispatch& entries, cl_int (CL_API_CALL* cl_icd_dispatch::*)(cl_command_queue, Args...)) {
  entries.*entry = if_memory_lasts<entry, Args...>;
}

}  // namespace

bool memory_is_short(cl_device_id device) {
  const Presentation* p = presentation_of(device);
  return p && p->memory && account().used(device) > *p->memory;
}

void replace_memory(cl_icd_dispatch& entries) {
  using Table = cl_icd_dispatch;
  entries.clCreateBuffer = create_buffer;
  entries.clCreateSubBuffer = create_sub_buffer;
  guard<&Table::clEnqueueReadBuffer>(entries, &Table::clEnqueueReadBuffer);
  guard<&Table::clEnqueueWriteBuffer>(entries, &Table::clEnqueueWriteBuffer);
  guard<&Table::clEnqueueCopyBuffer>(entries, &Table::clEnqueueCopyBuffer);
  guard<&Table::clEnqueueFillBuffer>(entries, &Table::clEnqueueFillBuffer);
}

}  // namespace opencl_layer
