#include "runtime/tuning/tuning.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>

#include "runtime/network/inference_plan.h"
#include "runtime/network/stages.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/residual_block.h"
#include "runtime/tuner/network_jobs.h"
#include "runtime/tuning/shipped.h"
#include "runtime/tuning/tuning_store.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

using namespace testing;

const TuningOwner owner{"Platform", "A device: 4.0 GHz", "3.1", "cpu-16"};
const TuningKey key{.kernel = "conv_winograd",
                    .operation = "forward",
                    .in_channels = 16,
                    .height = 5,
                    .width = 7,
                    .out_channels = 32,
                    .kernel_h = 3,
                    .kernel_w = 3,
                    .stride = 1,
                    .padding = 1,
                    .channel_block = 16,
                    .batch = BatchClass::few};

TuningKey wide(int width) {
  TuningKey other = key;
  other.width = width;
  return other;
}

TuningEntry entry(int tile_rows) { return {.values = {{"TILE_ROWS", tile_rows}, {"TILE_GROUP", 2}, {"K_GROUP", 1}}}; }

// What was warned of.
struct Warnings {
  std::vector<std::string> lines;
  WarningHandler handler() {
    return [this](const std::string& line) { lines.push_back(line); };
  }
};

// A device with a cache folder of its own and a user's tuning file of this text there.
struct TunedDevice {
  explicit TunedDevice(const std::string& text) {
    const Device& device = test_device();
    const DeviceInfo& i = device.info();
    const TuningStore store =
        TuningStore::of_device(folder / "tuning", {i.platform_name, i.name, i.driver_version, i.tuning_class()});
    std::filesystem::create_directory(folder / "tuning");
    write_text(store.file(), text);
  }
  Device open() { return Device(test_device().info(), {folder.path(), warnings.handler()}); }
  TemporaryFolder folder;
  Warnings warnings;
};

// A tuning file of the device under test with these entries.
std::string own_file(const TuningTable& table, std::string driver = test_device().info().driver_version) {
  const DeviceInfo& i = test_device().info();
  return to_json_text({{i.platform_name, i.name, std::move(driver), i.tuning_class()}, table});
}

bool is_cpu_16() {
  return test_device().info().device_class == DeviceClass::cpu && test_device().channel_block() == 16;
}

const ConvGeometry geometry{{16, 5, 7}, 32, 3, 3, 1, 1};

}  // namespace

TEST_CASE("a tuning file read back is what was written") {
  TuningFile file{owner, {}};
  file.table[key] = {.values = {{"TILE_ROWS", 2}}, .ms = 1.25, .default_ms = 1.5, .complete = false};
  file.table[wide(9)] = entry(1);
  const auto read = parse_tuning_file(to_json_text(file), "f", {});
  REQUIRE(read.has_value());
  CHECK(read->owner == file.owner);
  CHECK(read->table == file.table);
  const TuningFile empty{{.platform = {}, .device = {}, .driver_version = {}, .device_class = "cpu-16"}, {}};
  CHECK(parse_tuning_file(to_json_text(empty), "f", {})->owner == empty.owner);
}

TEST_CASE("a tuning file that is spoiled or of another format version is not used, with a warning that names it") {
  Warnings warnings;
  const std::string whole = to_json_text({owner, {{key, entry(1)}}});
  for (const std::string& text :
       {std::string(), std::string("no JSON"), whole.substr(0, whole.size() / 2), std::string("[]"),
        std::string("{\"format_version\": 1}"), std::string("{\"format_version\": 2, \"entries\": []}"),
        std::string("{\"format_version\": \"x\", \"entries\": {}}"),
        R"({"format_version": 1, "entries": )" + std::string(200, '[') + std::string(200, ']') + "}"}) {
    CAPTURE(text);
    warnings.lines.clear();
    CHECK_FALSE(parse_tuning_file(text, "file.json", warnings.handler()).has_value());
    REQUIRE(warnings.lines.size() == 1);
    CHECK(warnings.lines[0].starts_with("file.json: "));
  }
}

TEST_CASE("an entry that cannot be read is left out, and the others are used") {
  std::string text = to_json_text({owner, {{key, entry(1)}, {wide(9), entry(1)}, {wide(11), entry(1)}}});
  text.replace(text.find("\"TILE_ROWS\":1"), 13, "\"TILE_ROWS\":{}");
  text.replace(text.rfind("\"stride\":1"), 10, "\"stride\":-1");
  Warnings warnings;
  const auto read = parse_tuning_file(text, "f", warnings.handler());
  REQUIRE(read.has_value());
  CHECK(read->table.size() == 1);
  CHECK(read->table.count(wide(9)) == 1);
  CHECK(warnings.lines.size() == 2);
}

TEST_CASE("results of another driver version or device are not used, and are replaced by the next ones") {
  const TemporaryFolder folder;
  const std::filesystem::path file = folder / "t.json";
  TuningOwner newer = owner, other = owner;
  newer.driver_version = "4.0";
  other.device = "Another";
  TuningStore(file, owner).merge({{key, entry(1)}});
  CHECK(TuningStore(file, owner).load({}).size() == 1);
  Warnings warnings;
  CHECK(TuningStore(file, newer).load(warnings.handler()).empty());
  CHECK(TuningStore(file, other).load(warnings.handler()).empty());
  REQUIRE(warnings.lines.size() == 2);
  CHECK(contains(warnings.lines[0], "driver 3.1, this is 4.0"));
  CHECK(contains(warnings.lines[1], "another device"));
  TuningStore(file, newer).merge({{wide(9), entry(1)}});
  CHECK(TuningStore(file, newer).load({}).size() == 1);
}

TEST_CASE("a folder in place of a tuning file is not used, with a warning that names it") {
  const TemporaryFolder folder;
  Warnings warnings;
  CHECK(TuningStore(folder.path(), owner).load(warnings.handler()).empty());
  CHECK(warnings.lines == std::vector<std::string>{folder.path().string() + ": cannot be read: not used"});
  CHECK(TuningStore(folder / "none", owner).load(warnings.handler()).empty());
  CHECK(warnings.lines.size() == 1);
}

TEST_CASE("devices whose names look alike have files of their own") {
  TuningOwner other = owner;
  other.device = "A device; 4.0 GHz";
  CHECK(TuningStore::of_device("x", owner).file() != TuningStore::of_device("x", other).file());
}

TEST_CASE("merging keeps what others have written meanwhile, whoever writes at the same time") {
  const TemporaryFolder folder;
  const TuningStore store(folder / "t.json", owner);
  constexpr int writers = 4, each = 8;
  std::vector<std::jthread> threads;
  for (int writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&store, writer] {
      for (int i = 0; i < each; ++i) store.merge({{wide(1 + writer * each + i), entry(1)}});
    });
  }
  threads.clear();
  CHECK(store.load({}).size() == writers * each);
  CHECK(folder.entries() == 2);  // the file and its lock
}

TEST_CASE("kernels take the user's values, then the shipped ones, then their own rule") {
  const Device& device = test_device();
  if (!is_cpu_16()) return;
  const auto rows = [&](const Device& d) {
    const VariantChoice choice = ConvForward(d, geometry, {}, KernelClass::automatic, BatchClass::few).choice();
    REQUIRE(choice.variant == "winograd");
    return std::pair{choice.parameters[0].second, choice.source};
  };
  const Tuning::Layer user{TuningSource::user, {{key, entry(1)}}}, shipped{TuningSource::shipped, {{key, entry(2)}}};
  CHECK(rows(device.with_tuning(Tuning({user, shipped}))) == std::pair{1, TuningSource::user});
  CHECK(rows(device.with_tuning(Tuning({shipped}))) == std::pair{2, TuningSource::shipped});
  CHECK(rows(device.with_tuning(Tuning())).second == TuningSource::heuristic);
  const Tuning::Layer elsewhere{TuningSource::user, {{wide(9), entry(1)}}};
  CHECK(rows(device.with_tuning(Tuning({elsewhere, shipped}))).second == TuningSource::shipped);
}

TEST_CASE("values of a file that are not valid are dropped with one warning, and the kernel runs all the same") {
  if (!is_cpu_16()) return;
  const std::vector<TuningValues> bad = {
      {{"TILE_ROWS", 0}, {"TILE_GROUP", 2}, {"K_GROUP", 1}},     // none
      {{"TILE_ROWS", 1}, {"TILE_GROUP", 0}, {"K_GROUP", 1}},     // nothing to divide by
      {{"TILE_ROWS", 3}, {"TILE_GROUP", 2}, {"K_GROUP", 1}},     // more than there are
      {{"TILE_ROWS", 1}, {"TILE_GROUP", 2}, {"K_GROUP", 3}},     // does not divide
      {{"TILE_ROWS", 1}, {"TILE_GROUP", 9999}, {"K_GROUP", 1}},  // too many registers
      {{"TILE_ROWS", 1}, {"TILE_GROUP", 2}},                     // one is missing
      {{"TILE_ROWS", 1}, {"TILE_GROUP", 2}, {"CB", 1}},          // not a tunable
      {}};
  for (const TuningValues& values : bad) {
    CAPTURE(to_string(values));
    TunedDevice tuned(own_file({{key, {.values = values}}}));
    const Device device = tuned.open();
    CHECK(tuned.warnings.lines.empty());
    for (int again = 0; again < 2; ++again) {
      const VariantChoice choice = ConvForward(device, geometry, {}, KernelClass::automatic, BatchClass::few).choice();
      CHECK(choice.source == TuningSource::heuristic);
      CHECK(choice.parameters == values_of(conv::Winograd::choose(geometry, TuningTarget::of(device.info()))));
    }
    REQUIRE(tuned.warnings.lines.size() == 1);
    CHECK(contains(tuned.warnings.lines[0], to_string(key)));
  }
}

TEST_CASE("no kernel takes values that are not valid: each warns once, and runs by its rule") {
  const Network network = parse_stages("resnet-8", {3, 32, 32}, 10).front();
  const std::vector<TuningJob> jobs = network_jobs(test_device(), {network}, {.batches = {20}, .train = true});
  TuningTable zeros;
  for (const TuningJob& job : jobs) {
    TuningValues values = job.candidates.front();
    for (auto& [name, value] : values) value = 0;
    zeros[job.key].values = values;
  }
  TunedDevice tuned(own_file(zeros));
  const Device device = tuned.open().rehearsal();
  for (int again = 0; again < 2; ++again) {
    const InferencePlan infer(device, network, zero_parameters(network), 20);
    const TrainingPlan train(device, network, zero_parameters(network), 20);
    for (const PlanStep& step : infer.steps()) CHECK(step.source != TuningSource::user);
    for (const PlanStep& step : train.steps()) CHECK(step.source != TuningSource::user);
  }
  // Those of a cascade are no part of a network's plan.
  const auto in_plans = std::ranges::count_if(
      jobs, [](const TuningJob& job) { return job.key.kernel != "compact" && job.key.kernel != "policy"; });
  CHECK(tuned.warnings.lines.size() == static_cast<std::size_t>(in_plans));
  CHECK(in_plans > 5);
}

TEST_CASE("a device finds its user's file, and opens with a warning where it cannot be used") {
  if (!is_cpu_16()) return;
  const auto source = [](TunedDevice& tuned) {
    return ConvForward(tuned.open(), geometry, {}, KernelClass::automatic, BatchClass::few).choice().source;
  };
  TunedDevice good(own_file({{key, entry(1)}}));
  CHECK(source(good) == TuningSource::user);
  CHECK(good.warnings.lines.empty());
  for (const std::string& text : {own_file({{key, entry(1)}}, "another driver"), std::string("spoiled")}) {
    TunedDevice bad(text);
    CHECK(source(bad) == TuningSource::heuristic);
    CHECK(bad.warnings.lines.size() == 1);
  }
}

TEST_CASE("the shipped defaults can be read, and plans drop none of their values") {
  for (const auto& [device_class, text] : shipped_tuning_texts()) {
    Warnings warnings;
    CHECK(parse_tuning_file(text, device_class, warnings.handler()).has_value());
    CHECK(warnings.lines.empty());
  }
  CHECK(shipped_tuning("toaster-3").empty());
  const TemporaryFolder folder;
  Warnings warnings;
  const Device device = Device(test_device().info(), {folder.path(), warnings.handler()}).rehearsal();
  for (const Network& network : parse_stages("resnet-8,wrn-40-2", {3, 32, 32}, 10)) {
    for (const int batch : {1, 8, 128}) {
      const InferencePlan inference(device, network, zero_parameters(network), batch);
      const TrainingPlan training(device, network, zero_parameters(network), batch);
    }
  }
  CHECK(warnings.lines == std::vector<std::string>());
}

}  // namespace cascadecl
