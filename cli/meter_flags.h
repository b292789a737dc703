#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "runtime/energy/meter.h"

namespace cascadecl {

// The flags of all commands that measure energy, --sys-root and --nvml-library: where its counters are looked for.
class MeterFlags {
 public:
  void add_to(Options& options);
  static std::vector<std::string_view> names() { return {"sys-root", "nvml-library"}; }

  // After parsing.
  MeterEnvironment environment() const;

 private:
  std::string sys_root_ = MeterEnvironment().sys_root, nvml_library_ = MeterEnvironment().nvml_library;
};

}  // namespace cascadecl
