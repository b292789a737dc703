#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "runtime/energy/meter.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {

// A /sys tree with powercap zones and more, as the kernel lays it out, in a temporary folder, and a clock set by hand.
//   devices/virtual/powercap/<control>/<zone>[/<subzone>]   the files
//   class/powercap/<zone or subzone>                        symbolic links to them
class FakeSys {
 public:
  static constexpr std::uint64_t usual_range_uj = 262143328850;

  // zone "intel-rapl:0", or "intel-rapl:0:1" for a part of it.
  void add_zone(const std::string& zone, const std::string& name, std::uint64_t energy_uj,
                std::uint64_t range_uj = usual_range_uj);

  // Takes effect at once for a thread that reads: the file is renamed into place.
  void set_energy(const std::string& zone, std::uint64_t energy_uj);
  void set_file(const std::string& zone, const std::string& file, const std::string& text);

  std::filesystem::path file(const std::string& zone, const std::string& file = "energy_uj") const;

  // A file of another part of the tree, by its path below it; with the folders on its way.
  void add_file(const std::string& path, const std::string& text);
  void deny_file(const std::string& path);  // as deny()
  void remove_file(const std::string& path);
  // A chip of class/hwmon ("hwmon2") that lies in the folder `device` of devices/ ("pci0000:00/0000:03:00.0"), and a
  // file of it.
  void add_chip(const std::string& chip, const std::string& device, const std::string& name);
  void set_chip(const std::string& chip, const std::string& file, const std::string& text);

  // Reading that file fails as for a user without permission, even for root.
  void deny(const std::string& zone, const std::string& file = "energy_uj");

  void set_time(double time_s) { *time_s_ = time_s; }

  // Its functions refer to this object.
  MeterEnvironment environment() const;

  // A performance event: what it counts now, where it may be opened. Others are not there; those denied give EACCES.
  void set_perf(std::uint32_t type, std::uint64_t config, int cpu, std::uint64_t count);
  void deny_perf() { *perf_denied_ = true; }

 private:
  using PerfKey = std::tuple<std::uint32_t, std::uint64_t, int>;
  PerfCounter open_perf(const PerfEvent& event) const;

  TemporaryFolder folder_;
  std::shared_ptr<std::map<PerfKey, std::uint64_t>> perf_ = std::make_shared<std::map<PerfKey, std::uint64_t>>();
  std::shared_ptr<bool> perf_denied_ = std::make_shared<bool>(false);
  std::shared_ptr<std::atomic<double>> time_s_ = std::make_shared<std::atomic<double>>(0.0);
  std::set<std::filesystem::path> denied_;
};

}  // namespace cascadecl
