#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "runtime/energy/meter.h"
#include "tests/data/temporary_folder.h"

namespace cascadecl {

// A /sys tree with powercap zones, as the kernel lays it out, in a temporary folder, and a clock set by hand.
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

  // Reading that file fails as for a user without permission, even for root.
  void deny(const std::string& zone, const std::string& file = "energy_uj");

  void set_time(double time_s) { *time_s_ = time_s; }

  // Its functions refer to this object.
  MeterEnvironment environment() const;

 private:
  TemporaryFolder folder_;
  std::shared_ptr<std::atomic<double>> time_s_ = std::make_shared<std::atomic<double>>(0.0);
  std::set<std::filesystem::path> denied_;
};

}  // namespace cascadecl
