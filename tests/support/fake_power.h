#pragma once
#include <string>
#include <vector>

#include "runtime/energy/meter.h"
#include "tests/support/fake_sys.h"

namespace cascadecl {

// The power unit of the kernel's performance events on two sockets, with unit number 9: energy-pkg is event 2 in units
// of 1/4 J, energy-ram event 3 in whole joules. CPUs 0 and 8 speak for their sockets.
inline void add_perf_power(FakeSys& sys) {
  const std::string unit = "bus/event_source/devices/power/";
  sys.add_file(unit + "type", "9");
  sys.add_file(unit + "cpumask", "0,8");
  sys.add_file(unit + "events/energy-pkg", "event=0x02");
  sys.add_file(unit + "events/energy-pkg.scale", "2.5e-1");
  sys.add_file(unit + "events/energy-pkg.unit", "Joules");
  sys.add_file(unit + "events/energy-ram", "event=0x03");
  sys.add_file(unit + "events/energy-ram.scale", "1");
  sys.add_file(unit + "events/energy-ram.unit", "Joules");
  for (const int socket : {0, 1}) {
    const std::string cpu = "devices/system/cpu/cpu" + std::to_string(8 * socket) + "/topology/";
    sys.add_file(cpu + "physical_package_id", std::to_string(socket));
    for (const std::uint64_t event : {2, 3}) sys.set_perf(9, event, 8 * socket, 100);
  }
}

// Of the meters' domains, those that count: "package-0 core".
inline std::vector<std::string> counted_names(const MeterList& meters) {
  std::vector<std::string> names;
  for (const auto& meter : meters)
    for (const EnergyDomain& domain : meter->domains())
      if (domain.counted) names.push_back(domain.name);
  return names;
}

inline bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace cascadecl
