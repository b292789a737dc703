#include "cli/meter_flags.h"

namespace cascadecl {

void MeterFlags::add_to(Options& options) {
  options.add_text("sys-root", sys_root_, "FOLDER",
                   "folder of the kernel's files, for energy counters; in a container, where the host's are mounted");
  options.add_text("nvml-library", nvml_library_, "FILE", "NVIDIA's management library, for energy counters");
}

MeterEnvironment MeterFlags::environment() const {
  MeterEnvironment environment;
  environment.sys_root = sys_root_;
  environment.nvml_library = nvml_library_;
  return environment;
}

}  // namespace cascadecl
