#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "tests/cli/process.h"
#include "tests/cli/two_devices.h"

namespace cascadecl::testing {
namespace {

// Microseconds: the clocks of host and device drift apart between two comparisons.
constexpr double kTolerance = 1000;

struct Interval {
  explicit Interval(const nlohmann::json& event)
      : begin(event["ts"]), end(begin + event["dur"].get<double>()), name(event["name"]), args(event["args"]) {}
  double begin, end;
  std::string name;
  nlohmann::json args;
};

// A device's two rows.
struct Rows {
  std::vector<Interval> work, kernels, transfers;

  // The piece of work during which this was enqueued, if any.
  const Interval* work_of(const Interval& command) const {
    const double queued = command.args["queued_us"];
    for (const Interval& piece : work)
      if (piece.begin <= queued && queued <= piece.end) return &piece;
    return nullptr;
  }
};

// By the name of the device.
std::map<std::string, Rows> rows_of(const nlohmann::json& trace) {
  std::map<std::size_t, std::string> names;
  std::map<std::string, Rows> rows;
  for (const auto& event : trace["traceEvents"])
    if (event["name"] == "thread_name") names[event["tid"]] = event["args"]["name"];
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const std::string name = names.at(event["tid"]);
    if (event["cat"] == "work") {
      rows[name].work.emplace_back(event);
      continue;
    }
    REQUIRE(name.ends_with(": queue"));
    Rows& device = rows[name.substr(0, name.size() - std::string_view(": queue").size())];
    (event["cat"] == "kernel" ? device.kernels : device.transfers).emplace_back(event);
  }
  return rows;
}

nlohmann::json traced(const ThreeStages& world, std::vector<std::string> arguments) {
  const std::string file = world.path("trace.json");
  arguments.insert(arguments.end(), {"--policy", "sample", "--trace", file});
  const Finished run = cascadecl_run(arguments, two_devices);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  std::ifstream stream(file);
  return nlohmann::json::parse(stream);
}

// Those of a device one after another, each within the piece of work that enqueued it.
void check_commands(const Rows& device) {
  std::vector<Interval> all = device.kernels;
  all.insert(all.end(), device.transfers.begin(), device.transfers.end());
  std::ranges::sort(all, {}, &Interval::begin);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].name);
    CHECK(all[i].end >= all[i].begin);
    if (i > 0) CHECK(all[i].begin >= all[i - 1].end - kTolerance / 10);
    const Interval* piece = device.work_of(all[i]);
    if (!piece) {
      CHECK(all[i].args["work"].is_null());
      continue;
    }
    CHECK(all[i].args["work"] == piece->name);
    CHECK(all[i].begin >= piece->begin - kTolerance);
    CHECK(all[i].end <= piece->end + kTolerance);
  }
}

TEST_CASE("a trace shows kernels and transfers of each device, one after another within its pieces of work") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const nlohmann::json trace =
      traced(world, {"eval", world.model(), "--data", world.data(), "--device", "cpu:0,cpu:1,cpu:1"});
  CHECK(trace["otherData"]["commands_left_out"] == 0);
  const std::map<std::string, Rows> rows = rows_of(trace);
  REQUIRE(rows.size() == 2);
  for (const auto& entry : rows) {
    const auto& [name, device] = entry;
    CAPTURE(entry.first);
    CHECK(name.find("(ocl:") != std::string::npos);
    check_commands(device);
    std::map<std::string, int> layers, kernels, reads;  // by layers, and by piece of work
    for (const Interval& kernel : device.kernels) {
      CHECK(kernel.name.ends_with(".cl)"));
      CHECK(kernel.args["global"][0] >= 1);
      CHECK(kernel.args.contains("local"));
      ++layers[kernel.args.value("layers", "")];
      if (!kernel.args["work"].is_null()) ++kernels[kernel.args["work"]];
    }
    CHECK(layers.size() > 2);
    std::int64_t images = 0, uploaded = 0;
    for (const Interval& transfer : device.transfers) {
      CHECK(transfer.args["bytes"] > 0);
      if (transfer.args["work"] == "upload") uploaded += transfer.args["bytes"].get<std::int64_t>();
      if (transfer.name == "read" && !transfer.args["work"].is_null()) ++reads[transfer.args["work"]];
    }
    for (const Interval& piece : device.work) {
      if (piece.name == "upload") images += piece.args["images"].get<std::int64_t>();
      if (!piece.name.starts_with("stage")) continue;
      CHECK(kernels[piece.name] > 0);
      CHECK(reads[piece.name] > 0);
    }
    CHECK(images > 0);
    CHECK(uploaded == images * 3 * 16 * 16);
  }
}

TEST_CASE("predict and profile trace the commands of the cascade as eval does") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"predict", world.model(), "--data", world.data(), "-o", world.path("out.h5")},
        {"profile", world.model(), "--data", world.data(), "--runs", "1", "--window-s", "0.01"}}) {
    CAPTURE(arguments.front());
    const std::map<std::string, Rows> rows = rows_of(traced(world, arguments));
    REQUIRE(rows.size() == 1);
    const Rows& device = rows.begin()->second;
    check_commands(device);
    std::map<std::string, std::int64_t> images;
    for (const Interval& piece : device.work) images[piece.name] += piece.args["images"].get<std::int64_t>();
    CHECK(images["stage 0: resnet-8"] == ThreeStages::images);
    CHECK(device.kernels.size() > 3);
  }
}

}  // namespace
}  // namespace cascadecl::testing
