#include "runtime/energy/perf_energy.h"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "runtime/energy/sensor_meter.h"
#include "runtime/energy/sys_files.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_name = "perf";
constexpr double update_period = 0.001;  // as of the counters behind it

struct Event {
  const char* file;
  const char* name;  // of the domain, after the package's
  DomainKind kind;
};
constexpr Event events[] = {{"energy-pkg", "", DomainKind::package},
                            {"energy-cores", " core", DomainKind::part},
                            {"energy-gpu", " uncore", DomainKind::part},
                            {"energy-ram", " dram", DomainKind::memory},
                            {"energy-psys", " psys", DomainKind::platform}};

SysFiles perf_files(const MeterEnvironment& environment) {
  return {environment, source_name, "none in a virtual machine or container; else: sudo modprobe rapl",
          [](const fs::path& path) { return make_readable(path); }};
}

// "0,18" or "0-3,8".
std::vector<int> parse_cpus(const SysFiles& files, const fs::path& path) {
  const std::string text = files.line(path);
  std::vector<int> cpus;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    int first = 0, last = 0;
    const char *begin = part.data(), *end = begin + part.size();
    auto result = std::from_chars(begin, end, first);
    last = first;
    if (result.ec == std::errc() && result.ptr != end && *result.ptr == '-')
      result = std::from_chars(result.ptr + 1, end, last);
    if (result.ec != std::errc() || result.ptr != end || first < 0 || last < first || last - first > 4096)
      throw files.error(path, fmt::format("holds \"{}\", expected a list of CPUs", text));
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  if (cpus.empty()) throw files.error(path, "names no CPU");
  return cpus;
}

// "event=0x02".
std::uint64_t parse_config(const SysFiles& files, const fs::path& path) {
  const std::string text = files.line(path), prefix = "event=0x";
  std::uint64_t config = 0;
  const char *begin = text.data() + std::min(prefix.size(), text.size()), *end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(begin, end, config, 16);
  if (!text.starts_with(prefix) || code != std::errc() || rest != end)
    throw files.error(path, fmt::format("holds \"{}\", expected event=0x..", text));
  return config;
}

double parse_joules(const SysFiles& files, const fs::path& event) {
  const fs::path scale_file = event.string() + ".scale", unit_file = event.string() + ".unit";
  const std::string text = files.line(scale_file), unit = files.line(unit_file);
  if (unit != "Joules") throw files.error(unit_file, fmt::format("holds \"{}\", expected Joules", unit));
  char* end = nullptr;
  const double scale = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(scale > 0) || !std::isfinite(scale))
    throw files.error(scale_file, fmt::format("holds \"{}\", expected a scale", text));
  return scale;
}

MeterReadError failure(const fs::path& path, int cpu, const std::system_error& error) {
  MeterAttempt attempt{source_name, path.string(), fmt::format("CPU {}: {}", cpu, error.code().message()), ""};
  const auto code = error.code();
  if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted)
    attempt.remedy = "sudo sysctl kernel.perf_event_paranoid=0, or run as root";
  return MeterReadError(attempt);
}

// Reads an open counter; its errors name the event.
std::function<std::uint64_t()> reader(PerfCounter counter, const fs::path& path, int cpu) {
  return [counter = std::move(counter), path, cpu] {
    try {
      return counter();
    } catch (const std::system_error& error) {
      throw failure(path, cpu, error);
    }
  };
}

class PerfOpener {
 public:
  PerfOpener(const MeterEnvironment& environment, const SysFiles& files)
      : environment_(environment),
        files_(files),
        unit_(environment.sys_root / "bus" / "event_source" / "devices" / "power"),
        cpus_(parse_cpus(files, unit_ / "cpumask")) {
    const std::uint64_t type = files.number(unit_ / "type", "the number of a unit");
    type_ = static_cast<std::uint32_t>(type);
  }

  const std::vector<int>& cpus() const { return cpus_; }
  bool offers(const Event& event) const { return files_.exists(unit_ / "events" / event.file); }

  Sensor open(const Event& event, int cpu) const {
    const fs::path path = unit_ / "events" / event.file;
    const PerfEvent wanted{type_, parse_config(files_, path), cpu};
    const EnergyDomain domain{source_name, event.kind == DomainKind::platform ? "psys" : package_name(cpu) + event.name,
                              path.string(), event.kind};
    const double joules = parse_joules(files_, path);
    try {
      const auto read = reader(environment_.open_perf(wanted), path, cpu);
      read();
      return {domain, Sensor::Kind::energy, joules, read};
    } catch (const std::system_error& error) {
      throw failure(path, cpu, error);
    }
  }

 private:
  std::string topology(int cpu, const char* file) const {
    const fs::path folder = environment_.sys_root / "devices" / "system" / "cpu" / fmt::format("cpu{}", cpu);
    return files_.optional_line(folder / "topology" / file).value_or("");
  }

  std::string package_name(int cpu) const {
    const std::string package = topology(cpu, "physical_package_id");
    if (package.empty()) return fmt::format("package of CPU {}", cpu);
    const auto same = std::count_if(cpus_.begin(), cpus_.end(),
                                    [&](int other) { return topology(other, "physical_package_id") == package; });
    if (same == 1) return "package-" + package;
    return fmt::format("package-{}-die-{}", package, topology(cpu, "die_id"));
  }

  const MeterEnvironment& environment_;
  const SysFiles& files_;
  fs::path unit_;
  std::vector<int> cpus_;
  std::uint32_t type_ = 0;
};

// All packages; of the rest what there is.
std::vector<Sensor> open_sensors(const PerfOpener& opener, std::vector<MeterAttempt>& attempts) {
  std::vector<Sensor> sensors;
  for (const int cpu : opener.cpus()) sensors.push_back(opener.open(events[0], cpu));
  for (const Event& event : events) {
    if (event.kind == DomainKind::package || !opener.offers(event)) continue;
    for (const int cpu : opener.cpus()) try {
        sensors.push_back(opener.open(event, cpu));
        if (event.kind == DomainKind::platform) break;  // one for all
      } catch (const MeterReadError& error) {
        attempts.push_back(error.attempt);
      }
  }
  return sensors;
}

}  // namespace

std::unique_ptr<EnergyMeter> open_perf_energy(const MeterEnvironment& environment,
                                              std::vector<MeterAttempt>& attempts) try {
  const SysFiles files = perf_files(environment);
  return std::make_unique<SensorMeter>(open_sensors(PerfOpener(environment, files), attempts), environment.clock,
                                       update_period);
} catch (const MeterReadError& error) {
  attempts.push_back(error.attempt);
  return nullptr;
}

PerfCounter open_kernel_perf_counter(const PerfEvent& event) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = event.type;
  attributes.config = event.config;
  const long opened = syscall(SYS_perf_event_open, &attributes, -1, event.cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (opened < 0) throw std::system_error(errno, std::generic_category());
  const std::shared_ptr<const int> file(new int(static_cast<int>(opened)), [](const int* owned) {
    close(*owned);
    delete owned;
  });
  return [file] {
    std::uint64_t count = 0;
    if (read(*file, &count, sizeof count) != sizeof count)
      throw std::system_error(errno ? errno : EIO, std::generic_category());
    return count;
  };
}

}  // namespace cascadecl
