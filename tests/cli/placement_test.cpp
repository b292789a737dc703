#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>

#include "data/files/hdf5_file.h"
#include "tests/cli/layers.h"
#include "tests/cli/process.h"
#include "tests/cli/two_devices.h"

namespace cascadecl::testing {
namespace {

std::vector<int> exits(const ThreeStages& world, const std::vector<std::string>& flags) {
  const std::string output = world.path("predictions.h5");
  std::vector<std::string> arguments = {"predict", world.model(),  "--data", world.data(), "-o",
                                        output,    "--batch-size", "8",      "--policy",   "sample"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const Finished run = cascadecl_run(arguments, two_devices);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return Hdf5Reader(output).read<int>("/exit_stage", {40});
}

TEST_CASE("exits do not depend on which stage runs where") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const std::vector<int> expected = exits(world, {"--device", "cpu:0"});
  CHECK(std::set<int>(expected.begin(), expected.end()).size() == 3);
  CHECK(exits(world, {"--device", "cpu:0,cpu:1,cpu:1"}) == expected);
  CHECK(exits(world, {"--device", "cpu:1,cpu:0,cpu:1"}) == expected);
}

TEST_CASE("eval says which device ran which stage and traces what they did") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const std::string trace = world.path("trace.json");
  const Finished run = cascadecl_run({"eval", world.model(), "--data", world.data(), "--device", "cpu:0,cpu:1,cpu:1",
                                      "--policy", "sample", "--json", "--trace", trace},
                                     two_devices);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json json = run.json();
  CHECK(json["devices"].size() == 2);
  for (const auto& device : json["devices"]) CHECK(device["busy_s"] > 0);
  CHECK(json["longest_queue"][0] == 40);
  CHECK(json["device_failures"].empty());
  std::map<std::string, std::int64_t> images;
  std::ifstream file(trace);
  const nlohmann::json events = nlohmann::json::parse(file)["traceEvents"];
  for (const auto& event : events)
    if (event.value("cat", "") == "work") images[event["name"]] += event["args"]["images"].get<std::int64_t>();
  CHECK(images["stage 0: resnet-8"] == 40);
  CHECK(images["stage 2: resnet-20"] == json["stages"][2]["entered"]);
}

TEST_CASE("placement explain shows each stage on each device and all placements, best first") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const std::vector<std::string> base = {"placement", "explain", world.model(), "--data", world.data()};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return cascadecl_run(more, two_devices);
  };
  const Finished run = with({"--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json json = run.json();
  CHECK(json["devices"].size() == 2);
  REQUIRE(json["stages"].size() == 3);
  for (const auto& stage : json["stages"]) {
    CHECK(stage["ms_per_entered_image"].size() == 2);
    CHECK(stage["ms_per_entered_image"][0] > 0);
  }
  REQUIRE(json["placements"].size() == 8);
  for (std::size_t i = 1; i < 8; ++i)
    CHECK(json["placements"][i - 1]["ms_per_image"] <= json["placements"][i]["ms_per_image"]);
  CHECK(with({"--objective", "latency", "--device", "cpu:1"}).status == 0);
  CHECK(error_fault(with({"--objective", "energy", "--sys-root", world.path("no-sys")}), 5, world.path("no-sys")) ==
        "");
}

TEST_CASE("--placement auto places each stage and says where") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const Finished run =
      cascadecl_run({"eval", world.model(), "--data", world.data(), "--placement", "auto", "--json"}, two_devices);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.json()["stages"].size() == 3);
  for (const char* stage : {"stage 0 (resnet-8) runs on", "stage 2 (resnet-20) runs on"})
    CHECK(run.err.find(stage) != std::string::npos);
}

TEST_CASE("predict, profile and report place the stages too") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const std::string image = world.path("image.png");
  write_png(image, 16, 16, 3, random_pixels(16 * 16 * 3));
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"predict", world.model(), "--data", world.data(), "-o", world.path("p.h5")},
           {"predict", world.model(), "--data", world.data(), "-o", world.path("p.h5"), "--policy", "oracle"},
           {"predict", world.model(), image},
           {"profile", world.model(), "--data", world.data(), "--runs", "1", "--images", "8"},
           {"report", world.model(), "--data", world.data(), "-o", world.path("r.html")}}) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--placement", "auto", "--objective", "latency"});
    const Finished run = cascadecl_run(arguments, two_devices);
    CAPTURE(run.err);
    CHECK(run.status == 0);
    CHECK(contains(run.err, "stage 2 (resnet-20) runs on"));
  }
}

TEST_CASE("a device without enough memory is left out of the placement with the reason") {
  if (!there_are_two()) return;
  const ThreeStages world(16);
  const std::vector<std::string> small = presented("0.1 class=gpu, name=Small GPU, memory=100000", two_basic_devices);
  const std::vector<std::string> explain = {"placement", "explain", world.model(), "--data", world.data()};
  std::vector<std::string> as_json = explain;
  as_json.emplace_back("--json");
  const Finished run = cascadecl_run(as_json, small), text = cascadecl_run(explain, small);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json json = run.json();
  CHECK(json["devices"][0]["left_out"].is_null());
  CHECK(json["devices"][0]["batch_size"] == 128);
  CHECK(contains(json["devices"][1]["left_out"], "the device has 100000"));
  CHECK(json["devices"][1]["upload_ms_per_image"].is_null());
  CHECK(json["stages"][0]["ms_per_entered_image"][1].is_null());
  CHECK(json["placements"].size() == 1);
  CHECK(contains(text.out, "Small GPU, left out: device Small GPU: batches of 1 need"));

  const Finished eval =
      cascadecl_run({"eval", world.model(), "--data", world.data(), "--placement", "auto", "--json"}, small);
  CAPTURE(eval.err);
  REQUIRE(eval.status == 0);
  CHECK(contains(eval.err, "left out of the placement: device Small GPU"));
  CHECK_FALSE(contains(eval.json()["device"], "Small GPU"));
  std::vector<std::string> alone = explain;
  alone.insert(alone.end(), {"--device", "gpu"});
  CHECK(error_fault(cascadecl_run(alone, small), 1, "no device can run the cascade: device Small GPU") == "");
}

TEST_CASE("a stream answers every image in order and tells latencies and queues") {
  const ThreeStages world(16);
  const std::vector<std::string> base = {"stream",   world.model(), "--data", world.data(),
                                         "--policy", "sample",      "--json"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return cascadecl_run(more);
  };
  const Finished easy = with({"--rate", "200"}), flood = with({"--rate", "1000000", "--queue", "4"});
  for (const Finished& run : {easy, flood}) {
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json json = run.json();
    CHECK(json["answered"] == 40);
    CHECK(json["lost"] == 0);
    CHECK(json["out_of_order"] == 0);
    CHECK(json["latency_ms"]["p50"] > 0);
    CHECK(json["latency_ms"]["p50"] <= json["latency_ms"]["p99"]);
    CHECK(json["latency_ms"]["p99_9"] <= json["latency_ms"]["max"]);
  }
  CHECK(easy.json()["stopped"] == flood.json()["stopped"]);
  for (const auto& longest : flood.json()["longest_queue"]) CHECK(longest <= 4);
}

}  // namespace
}  // namespace cascadecl::testing
