#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/files/error.h"

namespace cascadecl {

// A source of energy that was tried and could not serve. remedy is a command or a hint, empty where there is none.
struct MeterAttempt {
  std::string source;  // as of an EnergyDomain, or "profile"
  std::string path;    // file, library or PCI bus id
  std::string reason;
  std::string remedy;
};

// Thrown when a meter that could be opened fails while it measures: permission lost, counter reset, GPU gone.
struct MeterReadError : MeasurementError {
  explicit MeterReadError(MeterAttempt failed);
  MeterAttempt attempt;
};

// package   a CPU socket, or a die of one, with all inside it (cores, caches, an integrated GPU)
// part      inside a package: its cores, its graphics
// memory    DRAM, outside the packages
// platform  what the firmware calls the platform; contains the packages
// gpu       a whole graphics card
// soc       a CPU and its integrated GPU, metered as one at the GPU
// machine   everything that a battery or the board's input feeds
// rail      one supply line of a board, of unknown extent
enum class DomainKind { package, part, memory, platform, gpu, soc, machine, rail };

// What one counter meters. Only counted domains add up to a total: they do not overlap, and they belong to the devices
// whose energy is wanted.
struct EnergyDomain {
  std::string source;  // "powercap", "perf", "nvml", "hwmon", "battery"
  std::string name;    // "package-0", "NVIDIA ..."
  std::string path;    // directory of the zone or sensor, or PCI bus id
  DomainKind kind = DomainKind::package;
  bool counted = true;
  std::string why_not = {};  // the reason why it is not counted
};

// Cumulative energy since start(), one entry per domain, in the order of domains().
struct MeterReading {
  double time_s = 0;  // on the injected clock
  std::vector<double> energy_j;
};

// The state of a source's device right now.
struct DeviceState {
  std::optional<double> clock_mhz;
  std::string throttling;  // "power cap, thermal"; empty: none, or not known
};

// A source of cumulative energy readings. Not thread-safe: one thread at a time calls start() and read().
class EnergyMeter {
 public:
  explicit EnergyMeter(std::vector<EnergyDomain> domains) : domains_(std::move(domains)) {}
  virtual ~EnergyMeter() = default;

  const std::vector<EnergyDomain>& domains() const { return domains_; }

  // Takes a domain out of the totals, for that reason.
  void leave_out(std::size_t domain, std::string why);

  // How often the hardware renews its value. The energy of a window is off by at most one such period.
  virtual double update_period_s() const = 0;

  // read() must be called at least this often after start(), or the reading may be refused or less exact.
  virtual double sample_interval_s() const = 0;

  // Makes the current counters the zero of the readings to come; returns the time on the injected clock.
  // Throws MeterReadError.
  virtual double start() = 0;

  // Throws MeterReadError; start() may be tried again after that.
  virtual MeterReading read() = 0;

  // Empty where the source tells nothing. Does not throw.
  virtual DeviceState state() const { return {}; }

 private:
  std::vector<EnergyDomain> domains_;
};

using MeterList = std::vector<std::unique_ptr<EnergyMeter>>;

// A counter of the kernel's performance events, on one CPU for all processes.
struct PerfEvent {
  std::uint32_t type = 0;
  std::uint64_t config = 0;
  int cpu = 0;
};
using PerfCounter = std::function<std::uint64_t()>;  // the count; throws std::system_error with errno

// Where meters look; the defaults are this machine. Everything is injectable for tests.
struct MeterEnvironment {
  std::filesystem::path sys_root = "/sys";
  std::string nvml_library = "libnvidia-ml.so.1";
  std::function<double()> clock;                                       // seconds, monotone
  std::function<std::string(const std::filesystem::path&)> read_file;  // throws std::system_error with errno
  std::function<PerfCounter(const PerfEvent&)> open_perf;              // throws std::system_error with errno

  // The steady clock, the real file system and the real kernel.
  MeterEnvironment();
};

// The devices that run the work. Their energy is the total; other domains that can be read are reported beside it.
struct MeterTarget {
  bool cpu = true;                // the CPU or its integrated GPU computes
  std::vector<std::string> gpus;  // PCI bus ids "0000:65:00.0" (pci_bus_id in nvml.h); "" where the driver tells none
  std::vector<std::string> integrated_gpus = {};  // the same, of GPUs inside a CPU that works (cpu is then true)
};

struct MeterDiscovery {
  MeterList meters;
  std::vector<MeterAttempt> attempts;  // what failed
  bool complete = false;               // every device of the target has a meter; else a total would be too small
};

// Opens the meters of the target. A device is found by its PCI address and never by its place in a list:
//   CPU   powercap; where that fails perf events, then hwmon (amd_energy), then an APU's sensor at its GPU
//   GPU   NVML, or the hwmon of its driver (amdgpu, i915, xe)
// Where a device has no meter of its own, one of the whole machine stands in: the input of a board (hwmon), or a
// battery that discharges. No meter at all is a normal result. A missing or unreadable source never throws: it becomes
// an attempt.
MeterDiscovery discover_meters(const MeterEnvironment& environment, const MeterTarget& target = {});

}  // namespace cascadecl
