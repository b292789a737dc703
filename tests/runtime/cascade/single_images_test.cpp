#include "runtime/cascade/single_images.h"

#include <doctest/doctest.h>

#include "runtime/network/zoo.h"

namespace cascadecl::testing {
namespace {

DeviceInfo processor(unsigned cores, KernelClass kernels = KernelClass::automatic) {
  DeviceInfo device;
  device.device_class = DeviceClass::cpu;
  device.compute_units = cores;
  device.kernels = kernels;
  return device;
}

std::vector<Network> networks(const std::vector<std::string>& names) {
  std::vector<Network> list;
  for (const std::string& name : names) list.push_back(make_network(name, {3, 32, 32}, 10));
  return list;
}

bool runs_serially(unsigned cores, const std::vector<std::string>& names) {
  return choose_for_single_images(processor(cores), networks(names)).serial;
}

TEST_CASE("below four cores, single images of up to 300 million multiply-adds run on the serial device") {
  CHECK(runs_serially(1, {"resnet-8"}));
  CHECK(runs_serially(3, {"resnet-110"}));
  CHECK(!runs_serially(2, {"wrn-40-2"}));
}

TEST_CASE("from four cores on, only single images of up to 20 million multiply-adds do") {
  CHECK(runs_serially(4, {"resnet-8"}));
  CHECK(!runs_serially(4, {"resnet-20"}));
}

TEST_CASE("the largest network of a cascade decides") { CHECK(!runs_serially(4, {"resnet-8", "resnet-20"})); }

TEST_CASE("kernels in small pieces run on the device with threads") {
  for (const KernelClass kernels : {KernelClass::gpu, KernelClass::reference})
    CHECK(!choose_for_single_images(processor(2, kernels), networks({"resnet-8"})).serial);
}

TEST_CASE("the reason names the network, its size and the limit") {
  CHECK(choose_for_single_images(processor(2), networks({"resnet-8", "resnet-20"})).reason ==
        "on 2 cores, single images of up to 300 million multiply-adds run on the device without threads; resnet-20 "
        "takes 43");
}

}  // namespace
}  // namespace cascadecl::testing
