#include "runtime/energy/rapl.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

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
};

// "intel-rapl:3" and "intel-rapl-mmio:3" are zones of their own; "intel-rapl:3:0" is a part of one.
bool is_top_zone(const std::string& entry) {
  for (const std::string_view prefix : {"intel-rapl:", "intel-rapl-mmio:"})
    if (entry.starts_with(prefix) && entry.size() > prefix.size() &&
        entry.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
      return true;
  return false;
}

MeterAttempt failure(const fs::path& path, const std::system_error& error) {
  MeterAttempt attempt{source_name, path.string(), error.code().message(), ""};
  const auto code = error.code();
  if (code == std::errc::no_such_file_or_directory) attempt.remedy = remedy_if_absent;
  if (code == std::errc::permission_denied || code == std::errc::operation_not_permitted)
    attempt.remedy = fmt::format(
        "sudo chmod a+r {}/intel-rapl*:*/energy_uj, or run as root; for good: the udev rule "
        "in share/doc/energy.md",
        path.parent_path().parent_path().string());
  return attempt;
}

// Reading failures inside this file travel as MeterReadError; discovery turns them into attempts.
std::string read_line(const MeterEnvironment& environment, const fs::path& path) try {
  std::string text = environment.read_file(path);
  text.erase(std::min(text.size(), text.find_last_not_of(" \t\r\n") + 1));
  return text;
} catch (const std::system_error& error) {
  throw MeterReadError(failure(path, error));
}

std::uint64_t read_microjoules(const MeterEnvironment& environment, const fs::path& path) {
  const std::string text = read_line(environment, path);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw MeterReadError({source_name, path.string(), fmt::format("holds \"{}\", expected microjoules", text), ""});
  return value;
}

class RaplMeter : public EnergyMeter {
 public:
  RaplMeter(const MeterEnvironment& environment, std::vector<Zone> zones)
      : environment_(environment), zones_(std::move(zones)), interval_s_(longest_interval_s) {
    for (const Zone& zone : zones_) {
      domains_.push_back(zone.domain);
      interval_s_ = std::min(interval_s_, zone.longest_gap_s / 4);
    }
  }

  const std::vector<EnergyDomain>& domains() const override { return domains_; }
  double update_period_s() const override { return update_period; }
  double sample_interval_s() const override { return interval_s_; }

  double start() override {
    last_time_s_ = environment_.clock();
    for (Zone& zone : zones_)
      if (const auto value = read_microjoules(environment_, zone.file); !zone.counter.start(value))
        throw MeterReadError(out_of_order(zone, value));
    return last_time_s_;
  }

  MeterReading read() override {
    MeterReading reading{environment_.clock(), {}};
    const double gap_s = reading.time_s - std::exchange(last_time_s_, reading.time_s);
    for (Zone& zone : zones_) reading.energy_j.push_back(read_zone(zone, gap_s));
    return reading;
  }

 private:
  double read_zone(Zone& zone, double gap_s) {
    if (gap_s > zone.longest_gap_s)
      throw MeterReadError({source_name, zone.file.string(),
                            fmt::format("not read for {:.1f} s: the counter may have wrapped unseen", gap_s), ""});
    const std::uint64_t value = read_microjoules(environment_, zone.file);
    const auto total_uj = zone.counter.add(value);
    if (!total_uj) throw MeterReadError(out_of_order(zone, value));
    return static_cast<double>(*total_uj) * 1e-6;
  }

  static MeterAttempt out_of_order(const Zone& zone, std::uint64_t value) {
    return {source_name, zone.file.string(),
            fmt::format("the counter stepped back or left its range (now {} uJ): it was reset", value), ""};
  }

  MeterEnvironment environment_;
  std::vector<Zone> zones_;
  std::vector<EnergyDomain> domains_;
  double interval_s_;
  double last_time_s_ = 0;
};

// Directories of the top zones, those of intel-rapl before their doubles of intel-rapl-mmio.
std::vector<fs::path> top_zones(const fs::path& powercap) {
  std::vector<fs::path> zones;
  std::error_code error;
  fs::directory_iterator entry(powercap, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error))
    if (is_top_zone(entry->path().filename().string())) zones.push_back(entry->path());
  if (error) throw MeterReadError(failure(powercap, std::system_error(error)));
  std::sort(zones.begin(), zones.end(), std::greater<>());  // ':' comes after '-'
  return zones;
}

Zone open_zone(const MeterEnvironment& environment, const fs::path& directory, const std::string& name, bool counted) {
  const bool platform = name == "psys";
  const EnergyDomain domain{source_name, name, directory.string(),
                            platform ? DomainKind::platform : DomainKind::package, counted && !platform};
  const fs::path range_file = directory / "max_energy_range_uj";
  const std::uint64_t range = read_microjoules(environment, range_file);
  // While power stays below the largest, half the range takes at least this long.
  const double gap_s = static_cast<double>(range) * 1e-6 / 2 / largest_power_w;
  if (gap_s / 4 < shortest_interval_s || range == UINT64_MAX)
    throw MeterReadError({source_name, range_file.string(), fmt::format("no usable range ({} uJ)", range), ""});
  Zone zone{domain, directory / "energy_uj", gap_s, WrapCounter(range)};
  read_microjoules(environment, zone.file);
  return zone;
}

// The zones to read, by name: none unless there is a package and every package can be read.
std::vector<Zone> open_zones(const MeterEnvironment& environment, const fs::path& powercap, bool counted,
                             std::vector<MeterAttempt>& attempts) {
  std::map<std::string, std::optional<Zone>> by_name;
  for (const fs::path& directory : top_zones(powercap)) {
    std::string name = "package of unknown name";
    try {
      name = read_line(environment, directory / "name");
      if (!name.starts_with("package") && name != "psys") continue;
      if (auto& zone = by_name[name]; !zone) zone = open_zone(environment, directory, name, counted);
    } catch (const MeterReadError& error) {
      attempts.push_back(error.attempt);
      by_name.try_emplace(name);
    }
  }
  if (by_name.empty() || (by_name.size() == 1 && by_name.contains("psys")))
    throw MeterReadError({source_name, powercap.string(), "has no package zone", remedy_if_absent});
  std::vector<Zone> zones;
  for (const auto& [name, zone] : by_name)
    if (zone)
      zones.push_back(*zone);
    else if (name != "psys")
      return {};
  return zones;
}

}  // namespace

std::unique_ptr<EnergyMeter> open_rapl(const MeterEnvironment& environment, bool counted,
                                       std::vector<MeterAttempt>& attempts) try {
  std::vector<Zone> zones = open_zones(environment, environment.sys_root / "class" / "powercap", counted, attempts);
  return zones.empty() ? nullptr : std::make_unique<RaplMeter>(environment, std::move(zones));
} catch (const MeterReadError& error) {
  attempts.push_back(error.attempt);
  return nullptr;
}

}  // namespace cascadecl
