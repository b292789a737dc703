#include "runtime/study/tradeoff/sweep_file.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/study/tradeoff/operating_point.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

using nlohmann::json;

json point_json(double alpha, int seed, double top1, double mmac) {
  return {{"policy", "learned"},
          {"alpha", alpha},
          {"seed", seed},
          {"frozen", true},
          {"top1", top1},
          {"mmac_per_image", mmac},
          {"mac_fraction", mmac / 100},
          {"ms_per_image", seed == 1 ? json(0.5) : json(nullptr)},
          {"stopped", {seed * 10, 100 - seed * 10}}};
}

json sweep_json() {
  json sweep = {{"format", "cascadecl-sweep"},
                {"format_version", 1},
                {"images", 100},
                {"stages", json::array({{{"network", "resnet-8"}, {"mmac", 10}, {"top1", 0.8}},
                                        {{"network", "resnet-20"}, {"mmac", 100}, {"top1", 0.9}, {"ece", 0.02}}})},
                {"energy_reason", "no counter"},
                {"a field of tomorrow", 7}};
  sweep["points"] = {point_json(0.1, 1, 0.88, 40), point_json(0.05, 1, 0.9, 60), point_json(0.1, 2, 0.9, 50),
                     point_json(0.05, 2, 0.92, 60)};
  return sweep;
}

TEST_CASE("a sweep file is read, unknown fields are ignored, missing figures unknown") {
  const Sweep sweep = parse_sweep(sweep_json().dump(), "s.json");
  CHECK(sweep.images == 100);
  CHECK(sweep.largest_stage() == 1);
  CHECK(sweep.stages[1].ece == 0.02);
  CHECK_FALSE(sweep.stages[0].ece.has_value());
  CHECK_FALSE(sweep.points[2].ms_per_image.has_value());
  CHECK(sweep.points[2].seed == 2);
  CHECK(sweep.energy_reason == "no counter");
}

TEST_CASE("a bad sweep file is refused with file, field and what was expected") {
  struct Case {
    const char* patch;  // JSON merge patch
    const char* named;
  };
  for (const Case& bad :
       {Case{R"({"format": "csv"})", "s.json: field 'format' is \"csv\", expected \"cascadecl-sweep\""},
        {R"({"format": 3})", "field 'format'"},
        {R"({"format_version": 2})", "field 'format_version' is 2, expected 1"},
        {R"({"images": null})", "field 'images' missing, expected a whole number"},
        {R"({"images": -1})", "field 'images' is -1"},
        {R"({"stages": []})", "field 'stages' is [], expected a list with at least one entry"},
        {R"({"points": null})", "field 'points' missing"},
        {R"({"points": [7]})", "points[0]: expected an object"},
        {R"({"stages": [{"network": "a", "mmac": 1, "top1": 2}]})",
         "stages[0]: field 'top1' is 2, expected a number in 0..1"},
        {R"({"stages": [{"network": 8, "mmac": 1, "top1": 1}]})", "field 'network' is 8, expected a text"},
        {R"({"points": [{"policy": "luck", "top1": 1, "mmac_per_image": 1, "mac_fraction": 1}]})",
         "points[0]: field 'policy' is \"luck\", expected one of learned"},
        {R"({"points": [{"policy": "ann", "top1": 1, "mmac_per_image": -1, "mac_fraction": 1}]})",
         "field 'mmac_per_image' is -1"},
        {R"({"points": [{"policy": "ann", "top1": 1, "mmac_per_image": 1, "mac_fraction": 1,
                                "stopped": [1, 2, 3]}]})",
         "field 'stopped' is [1,2,3], expected a list of 2 counts"}}) {
    json sweep = sweep_json();
    sweep.merge_patch(json::parse(bad.patch));
    const std::string error = error_of<FileError>([&] { parse_sweep(sweep.dump(), "s.json"); });
    CAPTURE(error);
    CHECK(error.starts_with("s.json: "));
    CHECK(contains(error, bad.named));
  }
  CHECK(contains(error_of<FileError>([] { parse_sweep("{\"format\"", "s.json"); }), "s.json: no sweep file"));
  CHECK(contains(error_of<FileError>([] { parse_sweep("", "s.json"); }), "s.json: no sweep file"));
  CHECK(contains(error_of<FileError>([] { parse_sweep("[1]", "s.json"); }), "s.json: expected an object"));
  json deep = sweep_json();
  deep["format"] = json::parse(std::string(200, '[') + std::string(200, ']'));
  CHECK(contains(error_of<FileError>([&] { parse_sweep(deep.dump(), "s.json"); }), "deep in each other"));
}

json begun_sweep_json() {
  json sweep = sweep_json();
  sweep["settings"] = {{"seeds", 2}};
  sweep["tasks_done"] = 4;
  sweep["seconds"] = 1.5;
  return sweep;
}

TEST_CASE("a sweep that has just begun may lack stages and points, but those it has are checked") {
  json sweep = begun_sweep_json();
  sweep["points"] = json::array();
  CHECK(parse_begun_sweep(sweep.dump(), "s.json").stages.size() == 2);
  sweep["stages"] = json::array();
  CHECK(parse_begun_sweep(sweep.dump(), "s.json").stages.empty());
  sweep["points"] = {7};
  CHECK(contains(error_of<FileError>([&] { parse_begun_sweep(sweep.dump(), "s.json"); }), "points[0]"));
}

TEST_CASE("a sweep goes on from settings, pieces of work and seconds, and none of them may be missing") {
  const Sweep sweep = parse_begun_sweep(begun_sweep_json().dump(), "s.json");
  CHECK(sweep.settings == R"({"seeds":2})");
  CHECK(sweep.tasks_done == 4);
  CHECK(sweep.seconds == 1.5);
  for (const char* field : {"settings", "tasks_done", "seconds"}) {
    json spoiled = begun_sweep_json();
    spoiled.erase(field);
    const std::string error = error_of<FileError>([&] { parse_begun_sweep(spoiled.dump(), "s.json"); });
    CHECK(contains(error, fmt::format("field '{}' missing", field)));
  }
}

TEST_CASE("a sweep that is written and read again is the same text") {
  json content = begun_sweep_json();
  content["settings"] = json::parse(R"({"z": 0.1, "a": [0.003, 1e-7], "text": "\u00fc"})");
  content["points"].push_back({{"policy", "static"},
                               {"parameter", 1.0},
                               {"seed", UINT64_MAX},
                               {"frozen", false},
                               {"combine", "last"},
                               {"top1", 1.0 / 3},
                               {"mmac_per_image", 41.25},
                               {"mac_fraction", 0.1}});
  const Sweep sweep = parse_begun_sweep(content.dump(), "s.json");
  const std::string text = to_json(sweep);
  CHECK(to_json(parse_begun_sweep(text, "s.json")) == text);
  const Sweep again = parse_sweep(text, "s.json");
  CHECK(again.points.back().top1 == 1.0 / 3);
  CHECK(again.points.back().seed == UINT64_MAX);
  CHECK(again.points.back().joint_loss == "reinforce");  // once the only one
  CHECK(again.points.front().stopped == sweep.points.front().stopped);
}

TEST_CASE("a point's seed may be any of 64 bits") {
  json sweep = sweep_json();
  sweep["points"][0]["seed"] = UINT64_MAX;
  CHECK(parse_sweep(sweep.dump(), "s.json").points[0].seed == UINT64_MAX);
}

TEST_CASE("a sweep file that is missing or a folder is bad input") {
  const TemporaryFolder folder;
  CHECK(contains(error_of<FileError>([&] { read_sweep(folder / "none.json"); }), "none.json"));
  CHECK(contains(error_of<FileError>([&] { read_sweep(folder.path()); }), folder.path().string()));
}

TEST_CASE("runs that differ in their seed become one point with mean and spread") {
  const std::vector<OperatingPoint> points = operating_points(parse_sweep(sweep_json().dump(), "s.json"));
  REQUIRE(points.size() == 2);
  CHECK(points[0].alpha == 0.1);
  CHECK(points[0].runs == 2);
  CHECK(points[0].top1.mean == doctest::Approx(0.89));
  CHECK(*points[0].top1.deviation == doctest::Approx(0.0141421356));
  CHECK(points[0].mmac_per_image.mean == doctest::Approx(45));
  CHECK(points[0].ms_per_image->runs == 1);
  CHECK_FALSE(points[0].ms_per_image->deviation.has_value());
  CHECK_FALSE(points[0].mj_per_image.has_value());
  CHECK(points[0].exit_shares[0] == doctest::Approx(0.15));
}

TEST_CASE("the matching point is the cheapest one that is accurate enough, or else the most accurate") {
  const std::vector<OperatingPoint> points = operating_points(parse_sweep(sweep_json().dump(), "s.json"));
  CHECK(matching_point(points, "learned", "", 0.88) == 0);
  CHECK(matching_point(points, "learned", "", 0.9) == 1);
  CHECK(matching_point(points, "learned", "", 0.99) == 1);
  CHECK_FALSE(matching_point(points, "learned", "reinforce", 0.5).has_value());
  CHECK(policy_title("learned", "") == "Ours (S)");
  CHECK(policy_title("learned", "reinforce") == "Ours");
  CHECK(policy_title("margin", "") == "margin");
}

}  // namespace
}  // namespace cascadecl
