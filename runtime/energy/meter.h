#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/error.h"

namespace cascadecl {

// One source that was tried for energy and did not serve. remedy is a command or a hint, empty where there is none.
struct MeterAttempt {
  std::string source;  // "powercap", "nvml", "profile"
  std::string path;    // file, library or PCI bus id
  std::string reason;
  std::string remedy;
};

// A meter that worked when it was opened failed while it measured (permission lost, counter reset, GPU gone).
struct MeterReadError : MeasurementError {
  explicit MeterReadError(MeterAttempt failed);
  MeterAttempt attempt;
};

// package   a CPU socket with all inside it (cores, caches, an integrated GPU)
// platform  the whole machine as the firmware sees it; contains the packages
// gpu       a whole graphics card
enum class DomainKind { package, platform, gpu };

// What one counter meters. Only counted domains add up to a total: they do not overlap, and they are the devices
// that the energy is wanted of.
struct EnergyDomain {
  std::string source;  // "powercap", "nvml"
  std::string name;    // "package-0", "NVIDIA ..."
  std::string path;    // directory of the zone, or PCI bus id
  DomainKind kind = DomainKind::package;
  bool counted = true;
};

// Cumulative energy since start(), one entry per domain, in the order of domains().
struct MeterReading {
  double time_s = 0;  // on the injected clock
  std::vector<double> energy_j;
};

// A source of cumulative energy readings. Not thread-safe: one thread at a time calls start() and read().
class EnergyMeter {
 public:
  virtual ~EnergyMeter() = default;

  virtual const std::vector<EnergyDomain>& domains() const = 0;

  // How often the hardware renews its value: a window's error is up to two periods of energy.
  virtual double update_period_s() const = 0;

  // read() must be called at least this often after start(), or the reading may be refused or less exact.
  virtual double sample_interval_s() const = 0;

  // Makes the current counters the zero of the readings to come; returns the time on the injected clock.
  // Throws MeterReadError.
  virtual double start() = 0;

  // Throws MeterReadError; start() may be tried again after that.
  virtual MeterReading read() = 0;
};

using MeterList = std::vector<std::unique_ptr<EnergyMeter>>;

// Where meters look; the defaults are this machine. Everything is injectable for tests.
struct MeterEnvironment {
  std::filesystem::path sys_root = "/sys";
  std::string nvml_library = "libnvidia-ml.so.1";
  std::function<double()> clock;                                       // seconds, monotone
  std::function<std::string(const std::filesystem::path&)> read_file;  // throws std::system_error with errno

  // The steady clock and the real file system.
  MeterEnvironment();
};

// The devices that run the work. Their energy is the total; other domains that can be read are reported beside it.
struct MeterTarget {
  bool cpu = true;                // the CPU or its integrated GPU computes
  std::vector<std::string> gpus;  // PCI bus ids "0000:65:00.0" (pci_bus_id in nvml.h); "" where the driver tells none
};

struct MeterDiscovery {
  MeterList meters;
  std::vector<MeterAttempt> attempts;  // what failed
  bool complete = false;               // every device of the target has a meter; else a total would be too small
};

// Opens powercap RAPL and, for the target's GPUs, NVML. No meter at all is a normal result. Never throws for a missing
// or unreadable source: that becomes an attempt.
MeterDiscovery discover_meters(const MeterEnvironment& environment, const MeterTarget& target = {});

}  // namespace cascadecl
