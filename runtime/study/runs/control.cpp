#include "runtime/study/runs/control.h"

#include <fmt/format.h>

#include "data/files/error.h"

namespace cascadecl {

// Ends: every turn but the last leaves the cascade a device less, and without any it throws.
template <class Work>
auto StageControl::on_a_device_that_works(const Work& work) {
  for (;;) {
    try {
      follow_cascade();
      return work();
    } catch (const DeviceError&) {
      cascade_.give_up(*device_, std::current_exception(), fmt::format("stage {} alone, as control", stage_));
    }
  }
}

StageControl::StageControl(const Model& model, std::size_t stage, const ExecutorSettings& settings,
                           CascadeExecutor& cascade)
    : model_(model), stage_(stage), settings_(settings), cascade_(cascade) {
  on_a_device_that_works([] {});
}

CascadeResult StageControl::classify(std::span<const std::uint8_t> images) {
  return on_a_device_that_works([&] { return executor_->classify(images); });
}

void StageControl::follow_cascade() {
  const Device now = cascade_.device(stage_);
  if (executor_ && device_->same_as(now)) return;
  executor_.reset();
  device_ = now;
  executor_.emplace(stage_alone(model_, stage_, now, settings_));
}

void share_failures(const CascadeExecutor& from, CascadeExecutor& to, const std::vector<Device>& devices,
                    const std::string& where) {
  for (const Device& device : devices)
    if (const auto error = from.failure_of(device)) to.give_up(device, error, where);
}

}  // namespace cascadecl
