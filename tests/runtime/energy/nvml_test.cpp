#include "runtime/energy/nvml.h"

#include <doctest/doctest.h>

#include "tests/support/fake_sys.h"
#include "tests/support/loaded_fake_nvml.h"

using namespace cascadecl;

namespace {

const std::string bus_id = pci_bus_id(0, 0x65, 0, 0), second_bus_id = pci_bus_id(0, 0x17, 0, 0);

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

TEST_CASE("nvml meters the GPU at the address, whatever its place in the library's own order") {
  FakeNvml nvml(FAKE_NVML);
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  const MeterList meters = open_nvml(nvml.environment(sys), {bus_id, second_bus_id}, attempts);
  REQUIRE(meters.size() == 2);
  CHECK(nvml->second.bus_id == second_bus_id);
  for (const auto& meter : meters) meter->start();
  nvml->energy_mj += 1000;
  nvml->second.energy_mj += 5000;
  CHECK(meters[0]->domains().at(0).path == bus_id);
  CHECK(meters[0]->read().energy_j[0] == 1);
  CHECK(meters[1]->domains().at(0).path == second_bus_id);
  CHECK(meters[1]->read().energy_j[0] == 5);
}

TEST_CASE("nvml tells the clock and why it is low, where the library can") {
  FakeNvml nvml(FAKE_NVML);
  FakeNvml old_nvml(FAKE_NVML_OLD);
  FakeSys sys;
  std::vector<MeterAttempt> attempts;
  const MeterList meters = open_nvml(nvml.environment(sys), {bus_id}, attempts);
  REQUIRE(meters.size() == 1);
  nvml->clock_mhz = 1410;
  CHECK(meters[0]->state().clock_mhz == 1410);
  CHECK(meters[0]->state().throttling == "");
  nvml->throttle_reasons = 0x1 | 0x4 | 0x20;  // idle, power cap, thermal
  CHECK(meters[0]->state().throttling == "power cap, thermal");

  const MeterList old = open_nvml(old_nvml.environment(sys), {bus_id}, attempts);
  REQUIRE(old.size() == 1);
  CHECK_FALSE(old[0]->state().clock_mhz);
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
