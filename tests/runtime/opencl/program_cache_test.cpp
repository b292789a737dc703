#include "runtime/opencl/program_cache.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "runtime/network/training_plan.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

std::vector<unsigned char> bytes(std::size_t count, unsigned char value) {
  return std::vector<unsigned char>(count, value);
}

std::filesystem::path only_entry(const std::filesystem::path& folder) {
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() == ".clbin") return file.path();
  }
  return {};
}

// Gets a small program on a new device with this cache: where it came from.
ProgramCounts build(const std::filesystem::path& folder, std::vector<std::string>* warnings = nullptr) {
  const Device device(test_device().info(), {folder, [=](const std::string& line) {
                                               if (warnings) warnings->push_back(line);
                                             }});
  device.kernel("elementwise.cl", "accumulate", {{"CB", 1}, {"CHANNELS", 1}, {"HEIGHT", 4}, {"WIDTH", 4}});
  return device.program_counts();
}

}  // namespace

TEST_CASE("a program comes from the cache the second time") {
  const TemporaryFolder folder;
  CHECK(build(folder.path()).built == 1);
  const ProgramCounts again = build(folder.path());
  CHECK(again.built == 0);
  CHECK(again.from_cache == 1);
  CHECK(build({}).built == 1);  // no folder: no cache
}

// Most tests of kernels build theirs without this cache.
TEST_CASE("programs from the cache compute the bits that those built from source compute") {
  const TemporaryFolder folder;
  NetworkBuilder net({3, 6, 6});
  net.convolution(16, {3, 3, 1, 1});
  net.batch_norm();
  net.relu();
  net.convolution(16, {3, 3, 1, 1});
  const Network network = net.finish(3);
  const int n = 3;
  const std::vector<float> images =
      to_blocked(random_images(network, n, 1), shape_of(n, network.input_shape()), test_device().channel_block());
  std::vector<std::vector<float>> logits;  // before and after a step of training
  for (const bool cached : {false, true}) {
    const Device device(test_device().info(), {.cache_folder = folder.path()});
    TrainingPlan plan(device, network, random_parameters(network, 1), n);
    const ProgramCounts counts = device.program_counts();
    CHECK((cached ? counts.built : counts.from_cache) == 0);
    CHECK((cached ? counts.from_cache : counts.built) > 0);
    logits.push_back(device.read(plan.forward(n, device.upload(images), BatchNormMode::batch)));
    device.fill(plan.logit_gradient(), 0.5F);
    plan.backward();
    plan.step({.learning_rate = 1});
    logits.push_back(device.read(plan.forward(n, device.upload(images), BatchNormMode::batch)));
  }
  CHECK(logits[0] != logits[1]);
  CHECK(logits[2] == logits[0]);
  CHECK(logits[3] == logits[1]);
}

TEST_CASE("a spoiled entry is dropped with a warning, and the program built anew") {
  const TemporaryFolder folder;
  build(folder.path());
  const std::filesystem::path entry = only_entry(folder.path());
  const std::string whole = read_text(entry);
  std::string flipped = whole, other_key = whole;
  flipped[flipped.size() / 2] ^= 1;
  other_key[40] ^= 1;
  for (const std::string& text : {std::string(), std::string("rubbish"), whole.substr(0, whole.size() - 1),
                                  whole.substr(0, 30), whole + "x", flipped, other_key}) {
    write_text(entry, text);
    std::vector<std::string> warnings;
    CHECK(build(folder.path(), &warnings).built == 1);
    REQUIRE(warnings.size() == 1);
    CHECK(contains(warnings[0], entry.filename().string()));
    CHECK(read_text(entry).size() == whole.size());
    CHECK(build(folder.path(), &warnings).from_cache == 1);
  }
}

TEST_CASE("an entry that is whole but no program of the driver's is dropped, and the program built anew") {
  const TemporaryFolder folder;
  build(folder.path());
  const std::filesystem::path entry = only_entry(folder.path());
  const std::string whole = read_text(entry);
  // The key is what follows the second line, as long as the header says.
  const std::size_t line = whole.find('\n') + 1, start = whole.find('\n', line) + 1;
  const std::string key = whole.substr(start, std::stoul(whole.substr(line)));
  ProgramCache(folder.path()).store(key, bytes(1000, 'x'));
  std::vector<std::string> warnings;
  CHECK(build(folder.path(), &warnings).built == 1);
  REQUIRE(warnings.size() == 1);
  CHECK(contains(warnings[0], "elementwise.cl"));
  CHECK(build(folder.path()).from_cache == 1);
}

TEST_CASE("a folder in place of an entry is a warning, and the program built anew") {
  const TemporaryFolder folder;
  build(folder.path());
  const std::filesystem::path entry = only_entry(folder.path());
  std::filesystem::remove(entry);
  std::filesystem::create_directories(entry / "x");
  std::vector<std::string> warnings;
  CHECK(build(folder.path(), &warnings).built == 1);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0] == entry.string() + ": cannot be read: not used");
  CHECK(folder.entries() == 1);  // nothing is left beside it
}

TEST_CASE("threads that fill a cache at once leave whole entries and nothing else") {
  const TemporaryFolder folder;
  const ProgramCache cache(folder.path());
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) {
          cache.store("key", bytes(100000, 7));
          const auto read = cache.load("key", [](const std::string&) { std::abort(); });
          if (!read || *read != bytes(100000, 7)) std::abort();
        }
      });
    }
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("a process killed while it writes leaves the entry of before") {
  const TemporaryFolder folder;
  const ProgramCache cache(folder.path());
  cache.store("key", bytes(1 << 20, 1));
  for (int round = 0; round < 10; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {  // only plain file calls here: the parent has threads
      for (;;) cache.store("key", bytes(1 << 20, 1));
    }
    ::usleep(static_cast<useconds_t>(1000 + 700 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    bool warned = false;
    const auto read = cache.load("key", [&](const std::string&) { warned = true; });
    CHECK_FALSE(warned);
    CHECK((read && *read == bytes(1 << 20, 1)));
  }
}

}  // namespace cascadecl
