#include "runtime/energy/hwmon.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/energy/sensor_meter.h"
#include "runtime/energy/sys_files.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

constexpr const char* source_name = "hwmon";
constexpr double update_period = 0.1;  // drivers renew power ten times a second or more often, energy far more often
constexpr double micro = 1e-6;

struct Chip {
  fs::path folder;
  std::string name;  // of the driver
};

SysFiles hwmon_files(const MeterEnvironment& environment) {
  return {environment, source_name, "none where the kernel offers no sensors, as in a virtual machine or container",
          [](const fs::path& path) { return make_readable(path); }};
}

std::vector<Chip> chips(const MeterEnvironment& environment, const SysFiles& files) {
  std::vector<Chip> found;
  for (const fs::path& folder : files.entries(environment.sys_root / "class" / "hwmon"))
    if (const auto name = files.optional_line(folder / "name")) found.push_back({folder, *name});
  return found;
}

// "0000:03:00.0": domain, bus, device and function.
bool is_bus_id(std::string_view text) {
  constexpr std::string_view like = "dddd:dd:dd.d";
  return text.size() == like.size() && std::equal(text.begin(), text.end(), like.begin(), [](char c, char l) {
           return l == 'd' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == l;
         });
}

// The PCI device that a chip belongs to: the last one on the way to its folder.
struct PciDevice {
  std::string bus_id;
  fs::path folder;
};
PciDevice device_of(const Chip& chip) {
  std::error_code error;
  fs::path folder = fs::canonical(chip.folder, error);
  if (error) return {};
  for (; folder.has_relative_path(); folder = folder.parent_path())
    if (is_bus_id(folder.filename().string())) return {folder.filename().string(), folder};
  return {};
}

// amdgpu's table of figures begins with its size (2 bytes) and its format: 1 for cards, 2 and more for APUs.
bool is_apu(const SysFiles& files, const Chip& chip, const PciDevice& device) {
  const auto table = files.optional_line(device.folder / "gpu_metrics");
  return chip.name == "amdgpu" && table && table->size() > 2 && (*table)[2] >= 2;
}

Sensor sensor(const SysFiles& files, const fs::path& path, const EnergyDomain& domain) {
  const bool energy = path.filename().string().starts_with("energy");
  return {domain, energy ? Sensor::Kind::energy : Sensor::Kind::power, micro,
          [files, path, energy] { return files.number(path, energy ? "microjoules" : "microwatts"); }};
}

std::optional<fs::path> first_file(const SysFiles& files, const fs::path& folder,
                                   std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (files.exists(folder / name)) return folder / name;
  return std::nullopt;
}

std::unique_ptr<EnergyMeter> meter_of(std::vector<Sensor> sensors, const MeterEnvironment& environment) {
  for (const Sensor& one : sensors) one.read();
  return std::make_unique<SensorMeter>(std::move(sensors), environment.clock, update_period);
}

// Adds the reason and gives null where `open` throws.
template <class Open>
std::unique_ptr<EnergyMeter> opened(std::vector<MeterAttempt>& attempts, const Open& open) try {
  return open();
} catch (const MeterReadError& error) {
  attempts.push_back(error.attempt);
  return nullptr;
}

// A supply line of an INA chip: its power, or its voltage (mV) times its current (mA).
std::optional<Sensor> line_sensor(const SysFiles& files, const Chip& chip, int channel) {
  const auto file = [&](const char* quantity, const char* what) {
    return chip.folder / fmt::format("{}{}_{}", quantity, channel, what);
  };
  auto label = files.optional_line(file("in", "label"));
  if (!label) label = files.optional_line(file("power", "label"));
  const EnergyDomain domain{source_name, label.value_or(fmt::format("{} line {}", chip.name, channel)),
                            chip.folder.string(), DomainKind::rail};
  if (files.exists(file("power", "input"))) return sensor(files, file("power", "input"), domain);
  if (!files.exists(file("in", "input")) || !files.exists(file("curr", "input"))) return std::nullopt;
  return Sensor{domain, Sensor::Kind::power, micro,
                [files, volts = file("in", "input"), amperes = file("curr", "input")] {
                  return files.number(volts, "millivolts") * files.number(amperes, "milliamperes");
                }};
}

// Labels that boards give to the line that all others come from.
bool is_input(const std::string& label) {
  std::string lower = label;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char* name : {"vdd_in", "vin", "vin_sys_5v0", "pom_5v_in", "5v_in", "12v_in", "total", "total_power"})
    if (lower == name) return true;
  return false;
}

std::vector<Sensor> board_lines(const SysFiles& files, const std::vector<Chip>& all) {
  std::vector<Sensor> lines;
  for (const Chip& chip : all) {
    if (!chip.name.starts_with("ina")) continue;
    for (int channel = 1; channel <= 3; ++channel)
      if (auto line = line_sensor(files, chip, channel)) lines.push_back(std::move(*line));
  }
  const auto input = std::find_if(lines.begin(), lines.end(), [](const Sensor& s) { return is_input(s.domain.name); });
  if (input != lines.end()) input->domain.kind = DomainKind::machine;
  return lines;
}

}  // namespace

std::unique_ptr<EnergyMeter> open_hwmon_gpu(const MeterEnvironment& environment, const std::string& bus_id,
                                            std::vector<MeterAttempt>& attempts) {
  return opened(attempts, [&]() -> std::unique_ptr<EnergyMeter> {
    const SysFiles files = hwmon_files(environment);
    const fs::path root = environment.sys_root / "class" / "hwmon";
    if (bus_id.empty()) throw files.error(root, "the GPU's OpenCL driver tells no PCI bus id");
    for (const Chip& chip : chips(environment, files)) {
      const PciDevice device = device_of(chip);
      if (device.bus_id != bus_id) continue;
      const auto file =
          first_file(files, chip.folder, {"energy1_input", "power1_average", "power1_input", "energy2_input"});
      if (!file) continue;
      const DomainKind kind = is_apu(files, chip, device) ? DomainKind::soc : DomainKind::gpu;
      return meter_of({sensor(files, *file, {source_name, chip.name, bus_id, kind})}, environment);
    }
    throw files.error(root, fmt::format("no energy or power sensor at PCI address {}", bus_id));
  });
}

std::unique_ptr<EnergyMeter> open_hwmon_cpu(const MeterEnvironment& environment, std::vector<MeterAttempt>& attempts) {
  return opened(attempts, [&] {
    const SysFiles files = hwmon_files(environment);
    std::vector<Sensor> sockets;
    for (const Chip& chip : chips(environment, files)) {
      if (chip.name != "amd_energy") continue;
      for (const fs::path& path : files.entries(chip.folder)) {
        const std::string name = path.filename().string();
        constexpr std::string_view socket = "Esocket", ending = "_label";
        if (!name.starts_with("energy") || !name.ends_with(ending)) continue;
        const std::string label = files.line(path);
        if (!label.starts_with(socket)) continue;
        const fs::path input = chip.folder / (name.substr(0, name.size() - ending.size()) + "_input");
        sockets.push_back(
            sensor(files, input,
                   {source_name, "package-" + label.substr(socket.size()), chip.folder.string(), DomainKind::package}));
      }
    }
    if (sockets.empty())
      throw MeterReadError({source_name, (environment.sys_root / "class" / "hwmon").string(), "has no CPU sensor", ""});
    return meter_of(std::move(sockets), environment);
  });
}

std::unique_ptr<EnergyMeter> open_hwmon_machine(const MeterEnvironment& environment,
                                                std::vector<MeterAttempt>& attempts) {
  return opened(attempts, [&] {
    const SysFiles files = hwmon_files(environment);
    const std::vector<Chip> all = chips(environment, files);
    for (const Chip& chip : all) {
      const auto file = first_file(files, chip.folder, {"power1_average", "power1_input"});
      if (chip.name != "power_meter" || !file) continue;
      const EnergyDomain domain{source_name, "ACPI power meter", chip.folder.string(), DomainKind::machine};
      return meter_of({sensor(files, *file, domain)}, environment);
    }
    std::vector<Sensor> lines = board_lines(files, all);
    if (lines.empty()) throw files.error(environment.sys_root / "class" / "hwmon", "has no sensor of a whole machine");
    if (std::none_of(lines.begin(), lines.end(), [](const Sensor& s) { return s.domain.kind == DomainKind::machine; }))
      attempts.push_back({source_name, lines.front().domain.path,
                          "meters supply lines, none of them known as the input of the board", ""});
    return meter_of(std::move(lines), environment);
  });
}

}  // namespace cascadecl
