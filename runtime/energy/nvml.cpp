#include "runtime/energy/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdint>
#include <utility>

namespace cascadecl {
namespace {

constexpr const char* source_name = "nvml";
constexpr double update_period = 0.1;      // the slowest cards renew counter and power ten times a second
constexpr double counter_interval_s = 1;   // a 64-bit counter of millijoules does not wrap
constexpr double power_interval_s = 0.05;  // integrated power: twice in an update period

// The part of NVML's interface that is used here; its header is not needed to build.
using NvmlStatus = int;
using NvmlDevice = void*;
constexpr NvmlStatus nvml_success = 0;
constexpr NvmlStatus nvml_not_supported = 3;
constexpr NvmlStatus nvml_no_permission = 4;
constexpr NvmlStatus nvml_driver_not_loaded = 9;

// Why a card clocks down while it works.
struct ThrottleReason {
  unsigned long long bit;
  const char* name;
};
constexpr ThrottleReason throttle_reasons[] = {{0x04, "power cap"},
                                               {0x08, "hardware slowdown"},
                                               {0x20, "thermal"},
                                               {0x40, "hardware thermal"},
                                               {0x80, "hardware power brake"}};

// The loaded and initialised library. Shared by the meters of all its GPUs.
class Nvml {
 public:
  // Throws MeterReadError if the library or one of its necessary functions is not there, or it does not start.
  explicit Nvml(const std::string& path) : path_(path), handle_(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), &close) {
    if (!handle_) {
      const char* why = dlerror();
      throw MeterReadError({source_name, path, fmt::format("cannot be loaded: {}", why ? why : "unknown reason"),
                            "install the NVIDIA driver's libnvidia-ml"});
    }
    need("nvmlInit_v2", init_);
    need("nvmlShutdown", shutdown_);
    need("nvmlErrorString", error_string_);
    need("nvmlDeviceGetHandleByPciBusId_v2", handle_by_bus_id_);
    need("nvmlDeviceGetName", name_);
    need("nvmlDeviceGetPowerUsage", power_mw_);
    find("nvmlDeviceGetTotalEnergyConsumption", energy_mj_);
    find("nvmlDeviceGetClockInfo", clock_mhz_);
    find("nvmlDeviceGetCurrentClocksThrottleReasons", throttle_reasons_);
    check(init_(), path, "does not start");
  }
  ~Nvml() { shutdown_(); }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  NvmlDevice device(const std::string& bus_id) const {
    NvmlDevice found = nullptr;
    check(handle_by_bus_id_(bus_id.c_str(), &found), bus_id, "GPU not opened");
    return found;
  }

  std::string name(NvmlDevice device) const {
    char text[96] = "";
    return name_(device, text, sizeof text) == nvml_success ? text : "NVIDIA GPU";
  }

  bool has_energy_counter(NvmlDevice device, const std::string& bus_id) const {
    unsigned long long value = 0;
    if (!energy_mj_) return false;
    const NvmlStatus status = energy_mj_(device, &value);
    if (status != nvml_not_supported) check(status, bus_id, "energy counter");
    return status == nvml_success;
  }

  // Since the driver was loaded. Only where has_energy_counter.
  std::uint64_t energy_mj(NvmlDevice device, const std::string& bus_id) const {
    unsigned long long value = 0;
    check(energy_mj_(device, &value), bus_id, "energy counter");
    return value;
  }

  double power_w(NvmlDevice device, const std::string& bus_id) const {
    unsigned value = 0;
    check(power_mw_(device, &value), bus_id, "power");
    return value * 1e-3;
  }

  DeviceState state(NvmlDevice device) const {
    constexpr int multiprocessor_clock = 1;
    DeviceState state;
    unsigned mhz = 0;
    if (clock_mhz_ && clock_mhz_(device, multiprocessor_clock, &mhz) == nvml_success) state.clock_mhz = mhz;
    unsigned long long reasons = 0;
    if (throttle_reasons_ && throttle_reasons_(device, &reasons) == nvml_success)
      for (const ThrottleReason& reason : throttle_reasons)
        if (reasons & reason.bit) state.throttling += (state.throttling.empty() ? "" : ", ") + std::string(reason.name);
    return state;
  }

 private:
  static void close(void* handle) { dlclose(handle); }

  template <typename Function>
  void find(const char* symbol, Function*& function) {
    function = reinterpret_cast<Function*>(dlsym(handle_.get(), symbol));
  }

  template <typename Function>
  void need(const char* symbol, Function*& function) {
    find(symbol, function);
    if (!function)
      throw MeterReadError({source_name, path_, fmt::format("has no function {}", symbol), "update the NVIDIA driver"});
  }

  void check(NvmlStatus status, const std::string& path, const char* what) const {
    if (status == nvml_success) return;
    std::string remedy;
    if (status == nvml_no_permission) remedy = "run as root, or allow this user in the driver's settings";
    if (status == nvml_driver_not_loaded) remedy = "load the driver: sudo modprobe nvidia";
    throw MeterReadError({source_name, path, fmt::format("{}: {}", what, error_string_(status)), remedy});
  }

  std::string path_;
  std::unique_ptr<void, void (*)(void*)> handle_;
  NvmlStatus (*init_)() = nullptr;
  NvmlStatus (*shutdown_)() = nullptr;
  const char* (*error_string_)(NvmlStatus) = nullptr;
  NvmlStatus (*handle_by_bus_id_)(const char*, NvmlDevice*) = nullptr;
  NvmlStatus (*name_)(NvmlDevice, char*, unsigned) = nullptr;
  NvmlStatus (*power_mw_)(NvmlDevice, unsigned*) = nullptr;
  NvmlStatus (*energy_mj_)(NvmlDevice, unsigned long long*) = nullptr;
  NvmlStatus (*clock_mhz_)(NvmlDevice, int, unsigned*) = nullptr;
  NvmlStatus (*throttle_reasons_)(NvmlDevice, unsigned long long*) = nullptr;
};

class NvmlMeter : public EnergyMeter {
 public:
  NvmlMeter(std::shared_ptr<const Nvml> library, std::function<double()> clock, const std::string& bus_id)
      : NvmlMeter(library, std::move(clock), bus_id, library->device(bus_id)) {}

  double update_period_s() const override { return update_period; }
  double sample_interval_s() const override { return has_counter_ ? counter_interval_s : power_interval_s; }

  double start() override {
    energy_j_ = 0;
    last_time_s_ = clock_();
    if (has_counter_)
      first_mj_ = last_mj_ = library_->energy_mj(device_, bus_id_);
    else
      last_power_w_ = library_->power_w(device_, bus_id_);
    return last_time_s_;
  }

  MeterReading read() override {
    const double now_s = clock_();
    if (has_counter_)
      read_counter();
    else
      integrate_power(now_s);
    return {now_s, {energy_j_}};
  }

  DeviceState state() const override { return library_->state(device_); }

 private:
  NvmlMeter(std::shared_ptr<const Nvml> library, std::function<double()> clock, const std::string& bus_id,
            NvmlDevice device)
      : EnergyMeter({EnergyDomain{source_name, library->name(device), bus_id, DomainKind::gpu}}),
        library_(std::move(library)),
        clock_(std::move(clock)),
        bus_id_(bus_id),
        device_(device),
        has_counter_(library_->has_energy_counter(device_, bus_id_)) {
    if (!has_counter_) library_->power_w(device_, bus_id_);
  }

  void read_counter() {
    const std::uint64_t now_mj = library_->energy_mj(device_, bus_id_);
    if (now_mj < last_mj_)
      throw MeterReadError({source_name, bus_id_, "the energy counter went backwards: the driver was reloaded", ""});
    last_mj_ = now_mj;
    energy_j_ = static_cast<double>(now_mj - first_mj_) * 1e-3;
  }

  void integrate_power(double now_s) {
    const double now_w = library_->power_w(device_, bus_id_);
    energy_j_ += (now_s - last_time_s_) * (last_power_w_ + now_w) / 2;
    last_time_s_ = now_s;
    last_power_w_ = now_w;
  }

  std::shared_ptr<const Nvml> library_;
  std::function<double()> clock_;
  std::string bus_id_;
  NvmlDevice device_;
  bool has_counter_;
  std::uint64_t first_mj_ = 0, last_mj_ = 0;
  double energy_j_ = 0, last_time_s_ = 0, last_power_w_ = 0;
};

}  // namespace

std::string pci_bus_id(unsigned domain, unsigned bus, unsigned device, unsigned function) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", domain, bus, device, function);
}

MeterList open_nvml(const MeterEnvironment& environment, const std::vector<std::string>& bus_ids,
                    std::vector<MeterAttempt>& attempts) {
  MeterList meters;
  if (bus_ids.empty()) return meters;
  std::shared_ptr<const Nvml> library;
  try {
    library = std::make_shared<const Nvml>(environment.nvml_library);
  } catch (const MeterReadError& error) {
    attempts.push_back(error.attempt);
    return meters;
  }
  for (const std::string& bus_id : bus_ids) try {
      if (bus_id.empty()) throw MeterReadError({source_name, "", "the GPU's OpenCL driver tells no PCI bus id", ""});
      meters.push_back(std::make_unique<NvmlMeter>(library, environment.clock, bus_id));
    } catch (const MeterReadError& error) {
      attempts.push_back(error.attempt);
    }
  return meters;
}

}  // namespace cascadecl
