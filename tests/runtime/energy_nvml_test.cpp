#include <dlfcn.h>
#include <doctest/doctest.h>

#include "runtime/energy/nvml.h"
#include "tests/support/fake_nvml.h"
#include "tests/support/fake_sys.h"

using namespace cascadecl;

namespace {

// The fake library, loaded beside the meter so that its state can be set; fresh state each time.
class FakeNvml {
 public:
  explicit FakeNvml(const char* path) : path_(path), handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    REQUIRE_MESSAGE(handle_, path);
    state_ = reinterpret_cast<FakeNvmlState* (*)()>(dlsym(handle_, "fake_nvml_state"))();
    *state_ = {};
  }
  ~FakeNvml() { dlclose(handle_); }
  FakeNvml(const FakeNvml&) = delete;
  FakeNvml& operator=(const FakeNvml&) = delete;

  FakeNvmlState* operator->() { return state_; }

  MeterEnvironment environment(const FakeSys& sys) const {
    MeterEnvironment result = sys.environment();
    result.nvml_library = path_;
    return result;
  }

 private:
  std::string path_;
  void* handle_;
  FakeNvmlState* state_;
};

const std::string bus_id = pci_bus_id(0, 0x65, 0, 0);

}  // namespace

TEST_CASE("pci_bus_id writes an address as NVML reads it") {
  CHECK(pci_bus_id(0, 0x65, 0, 0) == "0000:65:00.0");
  CHECK(pci_bus_id(0x1a2b, 3, 0x1f, 7) == "1a2b:03:1f.7");
}

TEST_CASE("nvml reads the energy counter of the GPU at a PCI bus id") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  MeterList meters = open_nvml(nvml.environment(sys), {bus_id}, attempts);
  REQUIRE(meters.size() == 1);
  CHECK(attempts.empty());
  const EnergyDomain& domain = meters[0]->domains().at(0);
  CHECK(domain.name == "Fake GPU");
  CHECK(domain.path == bus_id);
  CHECK(domain.kind == DomainKind::gpu);
  CHECK(domain.counted);

  nvml->energy_mj = 7000;
  sys.set_time(10);
  CHECK(meters[0]->start() == 10);
  nvml->energy_mj = 9500;
  sys.set_time(11);
  CHECK(meters[0]->read().time_s == 11);
  CHECK(meters[0]->read().energy_j == std::vector<double>{2.5});

  CHECK(nvml->sessions == 1);
  meters.clear();
  CHECK(nvml->sessions == 0);
}

TEST_CASE("nvml integrates power where the energy counter is missing") {
  FakeNvml nvml(FAKE_NVML);
  FakeNvml old_nvml(FAKE_NVML_OLD);
  FakeNvml* used = nullptr;
  SUBCASE("on the card") {
    nvml->energy_status = 3;
    used = &nvml;
  }
  SUBCASE("in the library") { used = &old_nvml; }
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  const MeterList meters = open_nvml(used->environment(sys), {bus_id}, attempts);
  REQUIRE(meters.size() == 1);
  CHECK(meters[0]->sample_interval_s() <= meters[0]->update_period_s() / 2);
  (*used)->power_mw = 100'000;
  meters[0]->start();
  sys.set_time(1);
  (*used)->power_mw = 200'000;
  CHECK(meters[0]->read().energy_j[0] == doctest::Approx(150));
  sys.set_time(3);
  CHECK(meters[0]->read().energy_j[0] == doctest::Approx(550));
}

TEST_CASE("nvml reports why a GPU has no meter") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  MeterEnvironment environment = nvml.environment(sys);
  std::string gpu = bus_id, reason, remedy;
  SUBCASE("no library") {
    environment.nvml_library = "/nowhere/libnvidia-ml.so.1";
    reason = "cannot be loaded";
    remedy = "install the NVIDIA driver";
  }
  SUBCASE("the driver is not loaded") {
    nvml->init_status = 9;
    reason = "does not start: Driver Not Loaded";
    remedy = "sudo modprobe nvidia";
  }
  SUBCASE("another bus id") {
    gpu = "0000:66:00.0";
    reason = "GPU not opened: Not Found";
  }
  SUBCASE("the OpenCL driver tells no bus id") {
    gpu = "";
    reason = "tells no PCI bus id";
  }
  SUBCASE("no permission") {
    nvml->energy_status = 4;
    reason = "energy counter: Insufficient Permissions";
    remedy = "run as root";
  }
  SUBCASE("neither energy nor power") {
    nvml->energy_status = nvml->power_status = 3;
    reason = "power: Other";
  }
  std::vector<MeterAttempt> attempts;
  CHECK(open_nvml(environment, {gpu}, attempts).empty());
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].source == "nvml");
  CHECK_MESSAGE(attempts[0].reason.find(reason) != std::string::npos, attempts[0].reason);
  CHECK_MESSAGE(attempts[0].remedy.find(remedy) != std::string::npos, attempts[0].remedy);
  CHECK(nvml->sessions == 0);
}

TEST_CASE("nvml refuses a library that is another one") {
  FakeSys sys;
  MeterEnvironment environment = sys.environment();
  environment.nvml_library = "libm.so.6";
  std::vector<MeterAttempt> attempts;
  CHECK(open_nvml(environment, {bus_id}, attempts).empty());
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].reason == "has no function nvmlInit_v2");
}

TEST_CASE("nvml reports a GPU lost or reset while it measures") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  const MeterList meters = open_nvml(nvml.environment(sys), {bus_id}, attempts);
  REQUIRE(meters.size() == 1);
  nvml->energy_mj = 500;
  meters[0]->start();
  nvml->energy_mj = 400;
  CHECK_THROWS_WITH_AS(meters[0]->read(), doctest::Contains("went backwards"), MeterReadError);
  nvml->energy_status = 15;
  CHECK_THROWS_WITH_AS(meters[0]->read(), doctest::Contains("nvml: 0000:65:00.0: energy counter: GPU is lost"),
                       MeterReadError);
}

TEST_CASE("discover_meters is complete only if every device that works has a meter") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  const MeterEnvironment environment = nvml.environment(sys);
  CHECK(discover_meters(environment, {.cpu = false, .gpus = {bus_id}}).complete);
  CHECK(discover_meters(environment, {.cpu = false, .gpus = {bus_id, bus_id}}).meters.size() == 1);
  CHECK_FALSE(discover_meters(environment, {.cpu = true, .gpus = {bus_id}}).complete);
  CHECK_FALSE(discover_meters(environment, {.cpu = false, .gpus = {bus_id, "0000:66:00.0"}}).complete);
  CHECK_FALSE(discover_meters(environment, {.cpu = false, .gpus = {}}).complete);

  sys.add_zone("intel-rapl:0", "package-0", 1);
  CHECK(discover_meters(environment, {.cpu = true, .gpus = {}}).complete);
  const MeterDiscovery gpu_alone = discover_meters(environment, {.cpu = false, .gpus = {bus_id}});
  REQUIRE(gpu_alone.meters.size() == 2);
  CHECK_FALSE(gpu_alone.meters[0]->domains()[0].counted);  // the host's package, beside the total
  CHECK(gpu_alone.meters[1]->domains()[0].counted);
}

TEST_CASE("discover_meters names every source when there is no counter at all") {
  const FakeSys sys;
  const MeterDiscovery found = discover_meters(sys.environment());
  CHECK(found.meters.empty());
  CHECK_FALSE(found.complete);
  REQUIRE(found.attempts.size() == 2);
  CHECK(found.attempts[0].source == "powercap");
  CHECK(found.attempts[1].source == "nvml");
  for (const auto& attempt : found.attempts) CHECK_FALSE(attempt.reason.empty());
}
