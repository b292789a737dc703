#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/cli/process.h"
#include "tests/cli/trained_world.h"

namespace cascadecl::testing {
namespace {

std::vector<std::string> sweep(const TrainedWorld& world, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {
      "sweep", world.trained(), "--data", world.data(), "-o",    world.path("s.json"), "--policy-epochs",
      "2",     "--thresholds",  "3",      "--quiet",    "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

nlohmann::json file_json(const std::string& path) {
  std::ifstream in(path);
  return nlohmann::json::parse(in);
}

const std::vector<std::string> some = {
    "--policy", "learned,ann,static,confidence,oracle", "--alpha", "0.01,1", "--combine", "reweight,last,fitted"};

TEST_CASE("a sweep measures every policy, alpha, seed and threshold, as JSON, CSV and Markdown") {
  const TrainedWorld world;
  std::vector<std::string> more = some;
  more.insert(more.end(), {"--seeds", "2", "--csv", world.path("s.csv"), "--markdown", world.path("s.md"), "--sys-root",
                           world.path("no-sys")});
  const Finished run = cascadecl_run(sweep(world, more));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json json = file_json(world.path("s.json"));
  CHECK(json == run.json());
  CHECK(json["format"] == "cascadecl-sweep");
  CHECK(json["images"] == 30);
  REQUIRE(json["stages"].size() == 2);
  for (const auto& stage : json["stages"]) {
    CHECK(stage["ms_per_image"] > 0);
    CHECK(stage["mj_per_image"].is_null());
    CHECK(stage["ece"] >= 0);
    CHECK(stage["temperature"] > 0);
  }
  CHECK(contains(json["energy_reason"], world.path("no-sys")));
  std::map<std::string, int> points;
  for (const auto& point : json["points"]) {
    ++points[point["policy"]];
    std::int64_t stopped = 0;
    for (const auto& count : point["stopped"]) stopped += count.get<std::int64_t>();
    CHECK(stopped == 30);
    CHECK(point["ms_per_image"] > 0);
    CHECK(point["mj_per_image"].is_null());
    CHECK(point["alpha"].is_null() == (point["policy"] != "learned" && point["policy"] != "ann"));
  }
  // 2 alphas x 2 seeds x 3 combines; 2 stages; 3 thresholds x (last, fitted); the bound.
  CHECK(points["learned"] == 12);
  CHECK(points["ann"] == 12);
  CHECK(points["static"] == 2);
  CHECK(points["oracle"] == 1);
  CHECK(points["confidence"] % 2 == 0);
  CHECK(points["confidence"] >= 2);
  std::ifstream csv(world.path("s.csv")), markdown(world.path("s.md"));
  const auto lines = [](std::ifstream& in) {
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    return count;
  };
  CHECK(lines(csv) == json["points"].size() + 1);
  CHECK(lines(markdown) == json["points"].size() + 2);
}

TEST_CASE("a sweep goes on where it stopped, and computing all anew gives the same points") {
  const TrainedWorld world;
  REQUIRE(cascadecl_run(sweep(world, some)).status == 0);
  const nlohmann::json whole = file_json(world.path("s.json"));
  nlohmann::json half = whole;  // as after two pieces of work
  half["tasks_done"] = 2;
  half["points"].erase(half["points"].begin() + 6, half["points"].end());
  std::ofstream(world.path("s.json")) << half.dump();
  REQUIRE(cascadecl_run(sweep(world, some)).status == 0);
  CHECK(file_json(world.path("s.json"))["points"].size() == whole["points"].size());
  const auto results = [](const nlohmann::json& sweep) {
    std::vector<std::string> list;
    for (const auto& point : sweep["points"]) list.push_back(point["stopped"].dump() + point["top1"].dump());
    return list;
  };
  CHECK(results(file_json(world.path("s.json"))) == results(whole));

  std::filesystem::remove(world.path("s.json"));
  std::vector<std::string> anew = some;
  anew.emplace_back("--no-reuse");
  REQUIRE(cascadecl_run(sweep(world, anew)).status == 0);
  CHECK(results(file_json(world.path("s.json"))) == results(whole));
}

TEST_CASE("policies that see features are trained, swept, evaluated, calibrated and trained on jointly") {
  const TrainedWorld world;
  const std::vector<std::string> see = {"--policy-input", "features"};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--quiet", "--json"});
    const Finished finished = cascadecl_run(arguments);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    return finished.json();
  };
  std::vector<std::string> arguments = some;
  arguments.insert(arguments.end(), see.begin(), see.end());
  const Finished swept = cascadecl_run(sweep(world, arguments));
  CAPTURE(swept.err);
  REQUIRE(swept.status == 0);
  CHECK(swept.json()["settings"]["policy_input"] == "features");
  std::filesystem::remove(world.path("s.json"));  // anew from the cache, which keeps the features
  const nlohmann::json first = swept.json(), again = cascadecl_run(sweep(world, arguments)).json();
  REQUIRE(again["points"].size() == first["points"].size());
  for (std::size_t i = 0; i < first["points"].size(); ++i)  // times differ from run to run
    for (const char* key : {"policy", "top1", "mmac_per_image", "stopped"})
      CHECK(again["points"][i][key] == first["points"][i][key]);

  const std::string seeing = world.path("f.h5");
  run({"train",
       "--data",
       world.data(),
       "--from",
       world.trained(),
       "--phases",
       "policy,joint",
       "--policy-epochs",
       "1",
       "--joint-epochs",
       "1",
       "--batch-size",
       "8",
       "--validation-share",
       "0.25",
       "-o",
       seeing,
       "--policy-input",
       "features",
       "--alpha",
       "0.1"});
  const nlohmann::json result = run({"eval", seeing, "--data", world.data()});
  CHECK(result["policy"]["input"] == "features");
  run({"calibrate", seeing, "--data", world.data(), "-o", world.path("c.h5"), "--policy-input", "features",
       "--target-mac", "0.9"});
  run({"policies", world.path("c.h5"), "--data", world.data(), "--combine", "fitted"});
  run({"eval", world.path("c.h5"), "--data", world.data(), "--policy", "ann"});
}

TEST_CASE("a sweep trains jointly from the same stages for each alpha and seed, and goes on between two such runs") {
  const TrainedWorld world;
  const std::vector<std::string> more = {"--policy",
                                         "learned",
                                         "--alpha",
                                         "0.01,1",
                                         "--seeds",
                                         "2",
                                         "--joint",
                                         "--joint-loss",
                                         "cross-entropy,own,reinforce",
                                         "--joint-epochs",
                                         "1",
                                         "--joint-learning-rate",
                                         "0.1",
                                         "--reinforce-learning-rate",
                                         "0.1",
                                         "--combine",
                                         "reweight,fitted",
                                         "--csv",
                                         world.path("s.csv"),
                                         "--markdown",
                                         world.path("s.md")};
  const Finished run = cascadecl_run(sweep(world, more));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json whole = file_json(world.path("s.json"));
  std::map<std::string, int> joint;
  for (const auto& point : whole["points"]) {
    ++joint[point["joint_loss"].is_null() ? "frozen" : point["joint_loss"].get<std::string>()];
    CHECK(point["frozen"] == !point["joint"].get<bool>());
    CHECK(point["policy"] == "learned");
  }
  CHECK(joint == std::map<std::string, int>{{"frozen", 8}, {"cross-entropy", 8}, {"own", 8}, {"reinforce", 8}});
  for (const char* file : {"s.csv", "s.md"}) CHECK(contains(read_text(world.path(file)), "joint"));

  nlohmann::json half = whole;  // as after the frozen ones and one joint run
  half["tasks_done"] = 5;
  half["points"].erase(half["points"].begin() + 10, half["points"].end());
  std::ofstream(world.path("s.json")) << half.dump();
  REQUIRE(cascadecl_run(sweep(world, more)).status == 0);
  CHECK(file_json(world.path("s.json"))["points"] == whole["points"]);

  const std::vector<std::string> other_images = {"--joint", "--held-out", "train"};
  CHECK(error_fault(cascadecl_run(sweep(world, other_images)), 2, "--joint") == "");
}

TEST_CASE("a sweep of other settings, of something else or of nothing is refused") {
  const TrainedWorld world;
  REQUIRE(cascadecl_run(sweep(world, {"--policy", "static"})).status == 0);
  CHECK(error_fault(cascadecl_run(sweep(world, {"--policy", "oracle"})), 2, "policy") == "");
  for (const char* flag : {"--baseline", "--cost-through"}) {
    const char* value = std::string_view(flag) == "--baseline" ? "mean" : "previous";
    CHECK(error_fault(cascadecl_run(sweep(world, {"--policy", "static", flag, value})), 2, value) == "");
  }
  CHECK(error_fault(cascadecl_run(sweep(world, {"--policy", ""})), 2, "--policy") == "");
  CHECK(error_fault(cascadecl_run(sweep(world, {"--policy", "sample"})), 2, "sample") == "");
  CHECK(error_fault(cascadecl_run(sweep(world, {"--alpha", ""})), 2, "--alpha") == "");
  CHECK(error_fault(cascadecl_run(sweep(world, {"--combine", ""})), 2, "--combine") == "");
  CHECK(error_fault(cascadecl_run(sweep(world, {"--policy", "luck"})), 2, "luck") == "");
  CHECK(error_fault(cascadecl_run(sweep(world, {"--alpha", "0.1,x"})), 2, "--alpha") == "");
  write_text(world.folder / "s.json", "{}");
  CHECK(error_fault(cascadecl_run(sweep(world)), 4, "s.json") == "");
}

TEST_CASE("a spoiled sweep is refused by what is wrong in it, and stays as it is") {
  const TrainedWorld world;
  const std::vector<std::string> more = {"--policy", "static"};
  REQUIRE(cascadecl_run(sweep(world, more)).status == 0);
  const nlohmann::json whole = file_json(world.path("s.json"));
  const auto fault = [&](const std::string& patch, const std::string& part) {
    nlohmann::json spoiled = whole;
    spoiled.merge_patch(nlohmann::json::parse(patch));
    write_text(world.path("s.json"), spoiled.dump());
    std::string problem = error_fault(cascadecl_run(sweep(world, more)), 4, part);
    CHECK(read_text(world.path("s.json")) == spoiled.dump());
    return problem;
  };
  CHECK(fault(R"({"points": [7]})", "s.json: points[0]") == "");
  CHECK(fault(R"({"points": [{"policy": "static"}]})", "s.json: points[0]: field 'top1'") == "");
  CHECK(fault(R"({"tasks_done": -1})", "'tasks_done'") == "");
  CHECK(fault(R"({"stages": [)" + whole["stages"][0].dump() + R"(], "points": [], "tasks_done": 0})",
              "'stages' holds 1") == "");
  const std::string open(200, '['), close(200, ']');
  CHECK(fault(fmt::format("{{\"model\": {}{}}}", open, close), "deep in each other") == "");
}

TEST_CASE("a sweep of files whose names are no UTF-8 is written, and goes on") {
  const TrainedWorld world;
  const std::string data = world.path("M\xFCnchen.h5");
  std::filesystem::copy_file(world.data(), data);
  std::vector<std::string> arguments = sweep(world, {"--policy", "static"});
  std::replace(arguments.begin(), arguments.end(), world.data(), data);
  for (const char* time : {"first", "again"}) {
    CAPTURE(time);
    const Finished run = cascadecl_run(arguments);
    CAPTURE(run.err);
    CHECK(run.status == 0);
    CHECK(file_json(world.path("s.json"))["points"].size() == 2);
  }
}

TEST_CASE("a sweep never fits on the images that it judges on, nor on unknown ones") {
  const TrainedWorld world;
  CHECK(error_fault(cascadecl_run(sweep(world, {"--held-out", "test"})), 2, "test") == "");
  CHECK(error_fault(cascadecl_run({"sweep", world.model(), "--data", world.data(), "-o", world.path("s.json")}), 2,
                    "held-out") == "");
}

}  // namespace
}  // namespace cascadecl::testing
