#include <set>
#include <utility>

#include "runtime/energy/battery.h"
#include "runtime/energy/count_once.h"
#include "runtime/energy/hwmon.h"
#include "runtime/energy/meter.h"
#include "runtime/energy/nvml.h"
#include "runtime/energy/perf_energy.h"
#include "runtime/energy/rapl.h"

namespace cascadecl {
namespace {

using Opener = std::unique_ptr<EnergyMeter> (*)(const MeterEnvironment&, std::vector<MeterAttempt>&);

// The first that opens: all read the same hardware, or the later ones know less of it.
void add_first(std::initializer_list<Opener> openers, const MeterEnvironment& environment, MeterDiscovery& found) {
  for (const Opener& open : openers)
    if (auto meter = open(environment, found.attempts)) return found.meters.push_back(std::move(meter));
}

// What NVML does not know, another vendor's driver may. Why both failed is told of each GPU that has no meter.
void add_gpu(const std::string& bus_id, const MeterEnvironment& environment, MeterDiscovery& found) {
  std::vector<MeterAttempt> failed;
  MeterList nvml = open_nvml(environment, {bus_id}, failed);
  if (!nvml.empty()) return found.meters.push_back(std::move(nvml.front()));
  if (auto meter = open_hwmon_gpu(environment, bus_id, failed)) return found.meters.push_back(std::move(meter));
  found.attempts.insert(found.attempts.end(), failed.begin(), failed.end());
}

}  // namespace

MeterDiscovery discover_meters(const MeterEnvironment& environment, const MeterTarget& target) {
  MeterDiscovery found;
  add_first({open_rapl, open_perf_energy, open_hwmon_cpu}, environment, found);
  for (const std::string& gpu : std::set(target.gpus.begin(), target.gpus.end())) add_gpu(gpu, environment, found);
  std::vector<MeterAttempt> of_integrated;  // most have no sensor of their own, and need none
  for (const std::string& gpu : std::set(target.integrated_gpus.begin(), target.integrated_gpus.end()))
    if (auto meter = open_hwmon_gpu(environment, gpu, of_integrated)) found.meters.push_back(std::move(meter));
  found.complete = count_once(found.meters, target);
  if (found.complete) return found;
  found.attempts.insert(found.attempts.end(), of_integrated.begin(), of_integrated.end());

  for (const Opener& open_machine : {Opener{open_hwmon_machine}, Opener{open_battery}}) {
    add_first({open_machine}, environment, found);
    found.complete = count_once(found.meters, target);
    if (found.complete) return found;
  }
  if (target.gpus.empty())
    found.attempts.push_back({"nvml", environment.nvml_library, "not asked: no discrete GPU runs the work", ""});
  return found;
}

}  // namespace cascadecl
