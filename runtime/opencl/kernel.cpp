#include "runtime/opencl/kernel.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/opencl/status.h"

namespace cascadecl {

std::string Defines::options() const {
  std::string text;
  for (const auto& [name, value] : entries_) text += fmt::format("{}-D{}={}", text.empty() ? "" : " ", name, value);
  return text;
}

void Kernel::bind_buffer(cl_uint position, const cl::Buffer& buffer) {
  const cl_mem memory = buffer();
  bind_bytes(position, sizeof(cl_mem), &memory);
}

void Kernel::bind_bytes(cl_uint position, std::size_t bytes, const void* value) {
  if (!kernel_()) return;
  const cl_int status = clSetKernelArg(kernel_(), position, bytes, value);
  if (status != CL_SUCCESS) {
    throw DeviceError(
        fmt::format("device {}: kernel {}: argument {} of {} bytes was refused: clSetKernelArg returned {}", device_,
                    name_, position, bytes, status_name(status)));
  }
}

void Kernel::enqueue(Range global, const Range* local) {
  if (!kernel_() || global.x == 0 || global.y == 0 || global.z == 0) return;
  const std::size_t sizes[3] = {global.x, global.y, global.z};
  const std::size_t group[3] = {local ? local->x : 1, local ? local->y : 1, local ? local->z : 1};
  const auto describe = [&] {
    return Command{.kind = Command::Kind::kernel,
                   .kernel = name_,
                   .global = {global.x, global.y, global.z},
                   .local = local ? std::array{local->x, local->y, local->z} : std::array<std::size_t, 3>{}};
  };
  log_command(log_.get(), describe, [&](cl::Event* event) {
    const cl_int status = clEnqueueNDRangeKernel(queue_(), kernel_(), 3, nullptr, sizes, local ? group : nullptr, 0,
                                                 nullptr, handle_of(event));
    if (status != CL_SUCCESS) {
      throw DeviceError(
          fmt::format("device {}: kernel {}: launch of {}x{}x{} work-items (group {}x{}x{}) failed: "
                      "clEnqueueNDRangeKernel returned {}",
                      device_, name_, global.x, global.y, global.z, group[0], group[1], group[2], status_name(status)));
    }
  });
}

}  // namespace cascadecl
