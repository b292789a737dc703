#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <set>
#include <thread>

#include "runtime/opencl/device.h"
#include "runtime/tuning/tuning_store.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/test_networks.h"

namespace cascadecl::testing {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A network whose convolutions have few candidates, as a layer list.
class TinyNetwork {
 public:
  TinyNetwork() {
    NetworkBuilder net({3, 6, 6});
    net.convolution(4, {3, 3, 1, 1});
    net.relu();
    net.convolution(5, {1, 1, 2, 0});
    write_text(folder / "tiny.json", net.finish(3).to_json());
  }
  std::string path() const { return (folder / "tiny.json").string(); }
  std::string results() const { return (folder / "results.json").string(); }
  std::vector<std::string> tune(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"tune",      "--network", path(),   "--input", "3x6x6",
                                      "--classes", "3",         "--json", "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  TemporaryFolder folder;
};

// Points the program at a cache folder while it lives; without, tests would read and write the user's results.
class CacheFolder {
 public:
  explicit CacheFolder(const std::filesystem::path& folder) { ::setenv("CASCADECL_CACHE_DIR", folder.c_str(), 1); }
  ~CacheFolder() { ::unsetenv("CASCADECL_CACHE_DIR"); }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;
};

TuningTable entries_of(const std::string& file) {
  const auto read = parse_tuning_file(read_text(file), file, {});
  REQUIRE(read.has_value());
  return read->table;
}

bool has_fast_kernels() { return select_device("auto", list_devices()).device_class == DeviceClass::cpu; }

}  // namespace

TEST_CASE("tune names a bad network or batch as wrong usage, and a device that is not there") {
  CHECK(error_fault(cascadecl_run({"tune"}), 2, "--network") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-9"}), 2, "resnet-9") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--batch", "8,x"}), 2, "--batch") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--batch", "0"}), 2, "--batch") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--mode", "all"}), 2, "--mode") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--seconds", "-1"}), 2, "--seconds") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--device", "cpu:99"}), 3, "cpu:99") == "");
  const TinyNetwork tiny;
  {
    const CacheFolder none("");
    CHECK(error_fault(cascadecl_run(tiny.tune({})), 2, "--output is missing") == "");
  }
  const Finished full = cascadecl_run(tiny.tune({"--output", "/proc/none/t.json"}));
  CHECK(full.status == (has_fast_kernels() ? 1 : 0));
}

TEST_CASE("tune tries all candidates of a small network, reports them, and a second run has nothing left to do") {
  if (!has_fast_kernels()) return;
  const TinyNetwork tiny;
  const Finished first = cascadecl_run(tiny.tune({"--output", tiny.results(), "--mode", "infer"}));
  CAPTURE(first.err);
  REQUIRE(first.status == 0);
  CHECK(first.err.empty());
  const json result = first.json();
  CHECK(result["complete"] == true);
  CHECK(result["jobs_left"] == 0);
  std::multiset<std::string> kernels;
  for (const json& job : result["jobs"]) {
    kernels.insert(job["kernel"]);
    CHECK(job["tried"] == job["candidates"]);
    CHECK(job["rejected"].empty());
    CHECK(job["speedup"].get<double>() >= 1);
    CHECK(job["parameters"].size() == job["default_parameters"].size());
    CHECK(job["known"] == false);
  }
  CHECK(kernels == std::multiset<std::string>{"conv_direct", "conv_direct", "dense", "policy"});
  CHECK(entries_of(tiny.results()).size() == kernels.size());
  const json second = cascadecl_run(tiny.tune({"--output", tiny.results(), "--mode", "infer"})).json();
  for (const json& job : second["jobs"]) CHECK(job["known"] == true);
  const json again = cascadecl_run(tiny.tune({"--output", tiny.results(), "--mode", "infer", "--again"})).json();
  for (const json& job : again["jobs"]) CHECK(job["known"] == false);
}

TEST_CASE("tune with --kernel-class gpu tunes the kernels of GPUs") {
  const TinyNetwork tiny;
  const Finished run =
      cascadecl_run(tiny.tune({"--kernel-class", "gpu", "--output", tiny.results(), "--seconds", "2"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const auto jobs = run.json()["jobs"];
  REQUIRE_FALSE(jobs.empty());
  for (const json& job : jobs) {
    CHECK(job["kernel"] != "conv_direct");
    CHECK(job["rejected"].empty());
  }
  CHECK(run.json()["class"].get<std::string>().ends_with("-4"));
}

TEST_CASE("tune ends in time, and the next run goes on") {
  const TinyNetwork tiny;
  const auto run = [&](const std::string& seconds) {
    return cascadecl_run({"tune", "--network", "resnet-8", "--mode", "infer", "--batch", "4", "--seconds", seconds,
                          "--json", "--quiet", "--output", tiny.results()});
  };
  const Finished first = run("1");
  REQUIRE(first.status == 0);
  if (!has_fast_kernels()) return;
  CHECK(first.json()["complete"] == false);
  CHECK(first.json()["jobs_left"].get<int>() > 0);
  REQUIRE(run("0.5").status == 0);
  const json nothing = run("0").json();
  CHECK(nothing["complete"] == false);
  for (const json& job : nothing["jobs"]) CHECK(job["known"] == true);
}

TEST_CASE("two processes that tune at once lose none of each other's results") {
  if (!has_fast_kernels()) return;
  const TinyNetwork tiny;
  const auto words = [&](const char* batch) {
    return tiny.tune({"--output", tiny.results(), "--mode", "infer", "--seconds", "20", "--batch", batch});
  };
  Process one(words("2,20")), two(words("1"));
  const Finished a = one.wait(), b = two.wait();
  CHECK(a.status == 0);
  CHECK(b.status == 0);
  CHECK(entries_of(tiny.results()).size() == a.json()["jobs"].size() + b.json()["jobs"].size());
  CHECK(entries_of(tiny.results()).size() == 3 * 4);
}

TEST_CASE("a run that is killed leaves a whole file, from which the next goes on") {
  if (!has_fast_kernels()) return;
  const TinyNetwork tiny;
  const std::vector<std::string> words = tiny.tune({"--output", tiny.results(), "--batch", "1,2,20"});
  for (int round = 0; round < 2; ++round) {
    Process process(words);
    const auto start = Clock::now();
    while (!std::filesystem::exists(tiny.results()) && seconds_since(start) < 20) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(40 * round));
    process.signal(SIGKILL);
    CHECK(process.wait().status == 128 + SIGKILL);
    CHECK_FALSE(entries_of(tiny.results()).empty());
  }
  const std::size_t before = entries_of(tiny.results()).size();
  const Finished rest = cascadecl_run(words);
  REQUIRE(rest.status == 0);
  const json result = rest.json();
  CHECK(result["complete"] == true);
  std::size_t known = 0;
  for (const json& job : result["jobs"]) known += job["known"] == true;
  CHECK(known == before);
}

TEST_CASE("bench --explain names kernel, parameters and their source for every step, and the shares add up to one") {
  if (!has_fast_kernels()) return;
  const TinyNetwork tiny;
  const TemporaryFolder cache;
  const CacheFolder own(cache.path());
  const auto explain = [&](const char* mode) {
    const Finished run = cascadecl_run({"bench", "--network", tiny.path(), "--input", "3x6x6", "--classes", "3",
                                        "--batch", "20", "--seconds", "0", "--mode", mode, "--explain", "--json"});
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.err.empty());
    return run.json();
  };
  const json cold = explain("train");
  CHECK(cold["programs_built"].get<int>() > 0);
  CHECK(cold["setup_ms"].get<double>() > 0);
  double share = 0;
  bool backward = false;
  for (const json& step : cold["steps"]) {
    share += step["time_share"].get<double>();
    backward = backward || step["operation"] == "gradient by filters";
    CHECK(step["parameters"].is_null() == step["tuning"].is_null());
    if (!step["tuning"].is_null()) CHECK(step["tuning"] == "heuristic");
  }
  CHECK(share == doctest::Approx(1));
  CHECK(backward);
  CHECK(cold["steps"][0]["variant"] == "direct");
  CHECK(contains(cold["steps"][0]["reason"].get<std::string>(), "winograd"));
  REQUIRE(cold["steps"][0]["declined"].size() == 1);
  CHECK(cold["steps"][0]["declined"][0]["variant"] == "winograd");
  CHECK(cold["steps"][0]["declined"][0]["reason"] == cold["steps"][0]["reason"]);

  REQUIRE(cascadecl_run(tiny.tune({"--mode", "infer"})).status == 0);
  const json warm = explain("infer");
  CHECK(warm["steps"][0]["tuning"] == "user");
  CHECK(warm["programs_built"] == 0);
  CHECK(warm["programs_from_cache"].get<int>() > 0);
  // Results that cannot be used are told of on stderr, and change nothing.
  for (const auto& file : std::filesystem::directory_iterator(cache / "tuning")) {
    if (file.path().extension() == ".json") write_text(file.path(), "spoiled");
  }
  const Finished spoiled = cascadecl_run({"bench", "--network", tiny.path(), "--input", "3x6x6", "--classes", "3",
                                          "--batch", "20", "--seconds", "0", "--explain", "--json"});
  CHECK(spoiled.status == 0);
  CHECK(spoiled.json()["steps"][0]["tuning"] == "heuristic");
  CHECK(spoiled.err.starts_with("cascadecl: warning: "));
}

TEST_CASE("eval tells how long it took to set up, and where the programs came from") {
  const SmallWorld world;
  const auto eval = [&] { return cascadecl_run({"eval", world.model(), "--data", world.data(), "--json"}).json(); };
  eval();
  const json warm = eval();
  CHECK(warm["setup_ms"].get<double>() > 0);
  CHECK(warm["programs_built"] == 0);
  CHECK(warm["programs_from_cache"].get<int>() > 0);
}

TEST_CASE("two processes that fill the program cache at once get the same answers") {
  const SmallWorld world;
  const TemporaryFolder cache;
  const CacheFolder own(cache.path());
  const std::vector<std::string> words = {"predict", world.model(), "--data", world.data(), "-o"};
  const auto with = [&](const std::string& out) {
    std::vector<std::string> all = words;
    all.push_back(world.path(out));
    return all;
  };
  Process one(with("a.h5")), two(with("b.h5"));
  CHECK(one.wait().status == 0);
  CHECK(two.wait().status == 0);
  CHECK(read_text(world.path("a.h5")) == read_text(world.path("b.h5")));
  for (const auto& file : std::filesystem::directory_iterator(cache.path())) CHECK(file.path().extension() == ".clbin");
}

}  // namespace cascadecl::testing
