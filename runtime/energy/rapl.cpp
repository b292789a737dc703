#include "runtime/energy/rapl.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/energy/sys_files.h"
#include "runtime/energy/wrap_counter.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_name = "powercap";
constexpr const char* remedy_if_absent = "none in a virtual machine or container; else: sudo modprobe intel_rapl_msr";
constexpr double largest_power_w = 2000;      // of one package: above any socket sold
constexpr double update_period = 0.001;       // RAPL renews its counters about every millisecond
constexpr double shortest_interval_s = 0.01;  // a counter that needs reading more often is refused
constexpr double longest_interval_s = 1;

struct Zone {
  EnergyDomain domain;
  fs::path file;  // energy_uj
  double longest_gap_s;
  WrapCounter counter;
  double last_j = 0;  // the count of the last reading
};

// More than a counter can rise in a gap between two readings: ten times what the largest package takes, and what it
// may have owed from before.
double possible_j(double gap_s) { return 10 * largest_power_w * (gap_s + 0.1); }

SysFiles powercap_files(const MeterEnvironment& environment) {
  return {environment, source_name, remedy_if_absent, [](const fs::path& path) {
            return fmt::format(
                "sudo chmod a+r {}/intel-rapl*:*/energy_uj, or run as root; for good: the udev rule "
                "in share/doc/energy.md",
                path.parent_path().parent_path().string());
          }};
}

// "intel-rapl:3" and "intel-rapl-mmio:3" have one number, "intel-rapl:3:0", a part of the first, has two; others 0.
int numbers_in(const std::string& entry) {
  for (const std::string_view prefix : {"intel-rapl:", "intel-rapl-mmio:"}) {
    if (!entry.starts_with(prefix)) continue;
    const std::string numbers = entry.substr(prefix.size());
    if (numbers.empty() || numbers.find_first_not_of("0123456789:") != std::string::npos) return 0;
    return 1 + static_cast<int>(std::count(numbers.begin(), numbers.end(), ':'));
  }
  return 0;
}

std::vector<EnergyDomain> domains_of(const std::vector<Zone>& zones) {
  std::vector<EnergyDomain> domains;
  for (const Zone& zone : zones) domains.push_back(zone.domain);
  return domains;
}

class RaplMeter : public EnergyMeter {
 public:
  RaplMeter(SysFiles files, std::function<double()> clock, std::vector<Zone> zones)
      : EnergyMeter(domains_of(zones)), files_(std::move(files)), clock_(std::move(clock)), zones_(std::move(zones)) {
    for (const Zone& zone : zones_) interval_s_ = std::min(interval_s_, zone.longest_gap_s / 4);
  }

  double update_period_s() const override { return update_period; }
  double sample_interval_s() const override { return interval_s_; }

  double start() override {
    last_time_s_ = clock_();
    for (Zone& zone : zones_) {
      zone.last_j = 0;
      if (const auto value = files_.number(zone.file, "microjoules"); !zone.counter.start(value))
        throw out_of_order(zone, value);
    }
    return last_time_s_;
  }

  MeterReading read() override {
    MeterReading reading{clock_(), {}};
    const double gap_s = reading.time_s - std::exchange(last_time_s_, reading.time_s);
    for (Zone& zone : zones_) reading.energy_j.push_back(read_zone(zone, gap_s));
    return reading;
  }

 private:
  double read_zone(Zone& zone, double gap_s) {
    if (gap_s > zone.longest_gap_s)
      throw files_.error(zone.file, fmt::format("not read for {:.1f} s: the counter may have wrapped unseen", gap_s));
    const std::uint64_t value = files_.number(zone.file, "microjoules");
    const auto total_uj = zone.counter.add(value);
    if (!total_uj) throw out_of_order(zone, value);
    const double total_j = static_cast<double>(*total_uj) * 1e-6;
    const double step_j = total_j - std::exchange(zone.last_j, total_j);
    if (step_j > possible_j(gap_s))
      throw files_.error(zone.file, fmt::format("rose by {:.0f} J in {:.3f} s, more than a processor can take: the "
                                                "counter jumped or was reset",
                                                step_j, gap_s));
    return total_j;
  }

  MeterReadError out_of_order(const Zone& zone, std::uint64_t value) const {
    return files_.error(zone.file,
                        fmt::format("the counter stepped back or left its range (now {} uJ): it was reset", value));
  }

  SysFiles files_;
  std::function<double()> clock_;
  std::vector<Zone> zones_;
  double interval_s_ = longest_interval_s;
  double last_time_s_ = 0;
};

// Throws unless the counter can be read.
Zone open_zone(const SysFiles& files, const fs::path& directory, const std::string& name, DomainKind kind) {
  const fs::path range_file = directory / "max_energy_range_uj";
  const std::uint64_t range = files.number(range_file, "microjoules");
  // While power stays below the largest, half the range takes at least this long.
  const double gap_s = static_cast<double>(range) * 1e-6 / 2 / largest_power_w;
  if (gap_s / 4 < shortest_interval_s || range == UINT64_MAX)
    throw files.error(range_file, fmt::format("no usable range ({} uJ)", range));
  Zone zone{{source_name, name, directory.string(), kind}, directory / "energy_uj", gap_s, WrapCounter(range)};
  files.number(zone.file, "microjoules");
  return zone;
}

// Zones by name, each opened once; a zone of an entry is empty where it could not be.
class ZoneList {
 public:
  ZoneList(const SysFiles& files, std::vector<MeterAttempt>& attempts) : files_(files), attempts_(attempts) {}

  void add_top(const fs::path& directory) try {
    const std::string name = files_.line(directory / "name");
    if (name.starts_with("package"))
      add(directory, name, DomainKind::package);
    else if (name == "psys")
      add(directory, name, DomainKind::platform);
  } catch (const MeterReadError& error) {
    attempts_.push_back(error.attempt);
    nameless_ = true;
  }

  // Only of a package that is read; others have no home.
  void add_part(const fs::path& directory) try {
    const std::string entry = directory.filename().string();
    const std::string package = files_.line(directory.parent_path() / entry.substr(0, entry.rfind(':')) / "name");
    const auto inside = entries_.find(package);
    if (inside == entries_.end() || !inside->second.zone || inside->second.kind != DomainKind::package) return;
    const std::string name = files_.line(directory / "name");
    add(directory, package + " " + name, name == "dram" ? DomainKind::memory : DomainKind::part);
  } catch (const MeterReadError& error) {
    attempts_.push_back(error.attempt);
  }

  bool has_package() const {
    return nameless_ || std::any_of(entries_.begin(), entries_.end(),
                                    [](const auto& entry) { return entry.second.kind == DomainKind::package; });
  }

  // None if a package is missing.
  std::vector<Zone> opened() const {
    std::vector<Zone> zones;
    for (const auto& [name, entry] : entries_) {
      if (entry.zone)
        zones.push_back(*entry.zone);
      else if (entry.kind == DomainKind::package)
        return {};
    }
    return nameless_ ? std::vector<Zone>{} : zones;
  }

 private:
  struct Entry {
    DomainKind kind;
    std::optional<Zone> zone;
  };

  void add(const fs::path& directory, const std::string& name, DomainKind kind) try {
    Entry& entry = entries_.try_emplace(name, Entry{kind, {}}).first->second;
    if (!entry.zone) entry.zone = open_zone(files_, directory, name, kind);
  } catch (const MeterReadError& error) {
    attempts_.push_back(error.attempt);
  }

  const SysFiles& files_;
  std::vector<MeterAttempt>& attempts_;
  std::map<std::string, Entry> entries_;
  bool nameless_ = false;  // a zone without a name may be a package
};

std::vector<Zone> open_zones(const SysFiles& files, const fs::path& powercap, std::vector<MeterAttempt>& attempts) {
  std::vector<fs::path> entries = files.entries(powercap);
  std::sort(entries.begin(), entries.end(), std::greater<>());  // ':' comes after '-': the mmio doubles come last
  ZoneList zones(files, attempts);
  for (const fs::path& directory : entries)
    if (numbers_in(directory.filename().string()) == 1) zones.add_top(directory);
  for (const fs::path& directory : entries)
    if (numbers_in(directory.filename().string()) == 2) zones.add_part(directory);
  if (!zones.has_package())
    throw MeterReadError({source_name, powercap.string(), "has no package zone", remedy_if_absent});
  return zones.opened();
}

}  // namespace

std::unique_ptr<EnergyMeter> open_rapl(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts) try {
  const SysFiles files = powercap_files(environment);
  std::vector<Zone> zones = open_zones(files, environment.sys_root / "class" / "powercap", attempts);
  return zones.empty() ? nullptr : std::make_unique<RaplMeter>(files, environment.clock, std::move(zones));
} catch (const MeterReadError& error) {
  attempts.push_back(error.attempt);
  return nullptr;
}

}  // namespace cascadecl
