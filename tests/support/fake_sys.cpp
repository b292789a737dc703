#include "tests/support/fake_sys.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace cascadecl {
namespace fs = std::filesystem;

namespace {

// "intel-rapl:0:1" lies in intel-rapl/intel-rapl:0/intel-rapl:0:1.
fs::path device_path(const std::string& zone) {
  fs::path path = "devices/virtual/powercap";
  for (std::size_t colon = zone.find(':'); colon != std::string::npos; colon = zone.find(':', colon + 1))
    path /= zone.substr(0, colon);
  return path / zone;
}

}  // namespace

void FakeSys::add_zone(const std::string& zone, const std::string& name, std::uint64_t energy_uj,
                       std::uint64_t range_uj) {
  fs::create_directories(folder_.path() / device_path(zone));
  fs::create_directories(folder_.path() / "class/powercap");
  fs::create_directory_symlink(fs::path("../..") / device_path(zone), folder_.path() / "class/powercap" / zone);
  set_file(zone, "name", name);
  set_file(zone, "max_energy_range_uj", std::to_string(range_uj));
  set_energy(zone, energy_uj);
}

void FakeSys::set_energy(const std::string& zone, std::uint64_t energy_uj) {
  set_file(zone, "energy_uj", std::to_string(energy_uj));
}

void FakeSys::set_file(const std::string& zone, const std::string& name, const std::string& text) {
  const fs::path target = file(zone, name), beside = file(zone, name + ".new");
  std::ofstream(beside) << text << '\n';
  fs::rename(beside, target);
}

fs::path FakeSys::file(const std::string& zone, const std::string& name) const {
  return folder_.path() / "class/powercap" / zone / name;
}

void FakeSys::add_file(const std::string& path, const std::string& text) {
  const fs::path target = folder_.path() / path;
  fs::create_directories(target.parent_path());
  std::ofstream(target) << text << '\n';
}

void FakeSys::deny_file(const std::string& path) { denied_.insert(folder_.path() / path); }

void FakeSys::remove_file(const std::string& path) { fs::remove(folder_.path() / path); }

void FakeSys::add_chip(const std::string& chip, const std::string& device, const std::string& name) {
  const fs::path lies = fs::path("devices") / device / "hwmon" / chip;
  add_file((lies / "name").string(), name);
  fs::create_directories(folder_.path() / "class/hwmon");
  fs::create_directory_symlink(fs::path("../..") / lies, folder_.path() / "class/hwmon" / chip);
}

void FakeSys::set_chip(const std::string& chip, const std::string& file, const std::string& text) {
  add_file("class/hwmon/" + chip + "/" + file, text);
}

void FakeSys::set_perf(std::uint32_t type, std::uint64_t config, int cpu, std::uint64_t count) {
  (*perf_)[{type, config, cpu}] = count;
}

PerfCounter FakeSys::open_perf(const PerfEvent& event) const {
  if (*perf_denied_) throw std::system_error(EACCES, std::generic_category());
  const PerfKey key{event.type, event.config, event.cpu};
  if (!perf_->contains(key)) throw std::system_error(ENODEV, std::generic_category());
  return [perf = perf_, denied = perf_denied_, key] {
    if (*denied) throw std::system_error(EACCES, std::generic_category());
    return perf->at(key);
  };
}

void FakeSys::deny(const std::string& zone, const std::string& name) { denied_.insert(file(zone, name)); }

MeterEnvironment FakeSys::environment() const {
  MeterEnvironment result;
  result.sys_root = folder_.path();
  result.nvml_library = (folder_.path() / "no-libnvidia-ml.so.1").string();
  result.clock = [time_s = time_s_] { return time_s->load(); };
  result.read_file = [this, read = result.read_file](const fs::path& path) {
    if (denied_.contains(path)) throw std::system_error(EACCES, std::generic_category());
    return read(path);
  };
  result.open_perf = [this](const PerfEvent& event) { return open_perf(event); };
  return result;
}

}  // namespace cascadecl
