#include "runtime/opencl/memory_fit.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/files/error.h"
#include "runtime/cascade/executor.h"
#include "runtime/network/zoo.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr std::size_t kMany = std::size_t{1} << 40;

// The device under test, as if it had other memory; what it warns of is kept.
struct SmallDevice {
  SmallDevice(std::size_t memory, std::size_t array) : device(info(memory, array), settings()) {}
  static DeviceInfo info(std::size_t memory, std::size_t array) {
    DeviceInfo info = test_device().info();
    info.global_memory_bytes = memory;
    info.max_allocation_bytes = array;
    return info;
  }
  DeviceSettings settings() {
    return {.cache_folder = {}, .warning = [this](const std::string& text) { warnings.push_back(text); }};
  }
  std::vector<std::string> warnings;
  Device device;
};

// 100 bytes and two arrays of 30 bytes an image.
void rehearse(const std::vector<Device>& devices, int batch) {
  devices.front().allocate<char>(100);
  for (int i = 0; i < 2; ++i) devices.front().allocate<char>(30 * to_size_t(batch));
}

bool names(const std::string& text, const std::vector<std::string>& parts) {
  return std::ranges::all_of(parts, [&](const std::string& part) { return text.find(part) != std::string::npos; });
}

std::string refusal(int batch, const Device& device) {
  try {
    require_batch(batch, {device}, {rehearse});
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "none";
}

Model two_stages() {
  return random_model({make_network("resnet-8", {3, 8, 8}, 10), make_network("resnet-14", {3, 8, 8}, 10)}, 3);
}

}  // namespace

TEST_CASE("a batch that fits is taken as it is, without a word") {
  SmallDevice small(100 + 60 * 8, kMany);
  CHECK(fitting_batch(8, {small.device}, {rehearse}) == 8);
  CHECK(refusal(8, small.device) == "none");
  CHECK(small.warnings.empty());
}

TEST_CASE("of a batch that does not fit the largest that does is taken, said aloud") {
  SmallDevice small(100 + 60 * 8 - 1, kMany);
  CHECK(fitting_batch(100, {small.device}, {rehearse}) == 7);
  REQUIRE(small.warnings.size() == 1);
  CHECK(names(small.warnings[0], {"batches of 100 need 6100 bytes", "the device has 579", "batches of 7 are run"}));
}

TEST_CASE("no array may be larger than the device allows") {
  SmallDevice small(kMany, 30 * 5);
  CHECK(fitting_batch(100, {small.device}, {rehearse}) == 5);
  CHECK(names(small.warnings.at(0), {"an array of 3000 bytes, the device allows 150"}));
}

TEST_CASE("a batch that is required and does not fit is refused with what would fit") {
  SmallDevice small(1000, kMany);
  CHECK(names(refusal(16, small.device),
              {"batches of 16 need 1060 bytes of memory", "the device has 1000", "the largest batch that fits is 15"}));
  SmallDevice tiny(159, kMany);
  CHECK(names(refusal(16, tiny.device), {"no batch fits"}));
  CHECK_THROWS_AS(fitting_batch(16, {tiny.device}, {rehearse}), DeviceError);
}

TEST_CASE("each of the rehearsals must fit alone, and stages on one device share its memory") {
  SmallDevice small(1000, kMany);
  const Rehearsal other = [](const std::vector<Device>& devices, int batch) {
    for (const Device& device : devices) device.allocate<char>(100 * to_size_t(batch));
  };
  CHECK(fitting_batch(100, {small.device}, {rehearse, other}) == 10);
  CHECK(fitting_batch(100, {small.device, small.device}, {rehearse, other}) == 5);
  SmallDevice second(1000, kMany);
  CHECK(fitting_batch(100, {small.device, second.device}, {rehearse, other}) == 10);
}

TEST_CASE("a cascade takes the batch that fits, and then allocates what was foreseen") {
  const Model model = two_stages();
  const Device device(test_device().info());
  const std::size_t before = device.allocated_bytes();
  CascadeExecutor(model, {device, device}, {.max_batch = 10}).warm_up();
  const std::size_t for_ten = device.allocated_bytes() - before;

  SmallDevice enough(for_ten, kMany), short_by_one(for_ten - 1, kMany);
  CHECK(fitting_batch(model, {enough.device, enough.device}, {.max_batch = 64}) == 10);
  CHECK(fitting_batch(model, {short_by_one.device, short_by_one.device}, {.max_batch = 64}) == 9);

  SmallDevice twice(2 * for_ten, kMany);
  const int alone = fitting_batch(model, {twice.device, twice.device}, {.max_batch = 4096}, true);
  CHECK(alone < fitting_batch(model, {twice.device, twice.device}, {.max_batch = 4096}));
}

}  // namespace cascadecl
