#include "runtime/energy/meter.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <set>
#include <system_error>
#include <utility>

#include "runtime/energy/nvml.h"
#include "runtime/energy/rapl.h"

namespace cascadecl {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The files read here hold one short line.
std::string read_short_file(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) throw std::system_error(errno, std::generic_category());
  char text[256];
  const std::size_t length = std::fread(text, 1, sizeof text, file.get());
  if (std::ferror(file.get())) throw std::system_error(errno, std::generic_category());
  return {text, length};
}

std::string describe(const MeterAttempt& failed) {
  return fmt::format("{}: {}: {}", failed.source, failed.path, failed.reason);
}

}  // namespace

MeterReadError::MeterReadError(MeterAttempt failed) : MeasurementError(describe(failed)), attempt(std::move(failed)) {}

MeterEnvironment::MeterEnvironment() : clock(steady_seconds), read_file(read_short_file) {}

MeterDiscovery discover_meters(const MeterEnvironment& environment, const MeterTarget& target) {
  MeterDiscovery found;
  std::unique_ptr<EnergyMeter> rapl = open_rapl(environment, target.cpu, found.attempts);
  const bool cpu_metered = rapl != nullptr;
  if (rapl) found.meters.push_back(std::move(rapl));

  const std::set<std::string> gpus(target.gpus.begin(), target.gpus.end());
  MeterList nvml = open_nvml(environment, {gpus.begin(), gpus.end()}, found.attempts);
  found.complete = (cpu_metered || !target.cpu) && nvml.size() == gpus.size() && (target.cpu || !gpus.empty());
  for (auto& meter : nvml) found.meters.push_back(std::move(meter));

  if (gpus.empty() && !found.complete)
    found.attempts.push_back({"nvml", environment.nvml_library, "not asked: no discrete GPU runs the work", ""});
  return found;
}

}  // namespace cascadecl
