#include <doctest/doctest.h>

#include <algorithm>

#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/fake_sys.h"

namespace cascadecl::testing {
namespace {

using nlohmann::json;

std::vector<std::string> profile(const SmallWorld& world, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"profile",  world.model(), "--data",     world.data(),
                                        "--images", "20",          "--sys-root", world.path("no-sys")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Finished succeeding(const std::vector<std::string>& arguments) {
  Finished run = cascadecl_run(arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return run;
}

std::string lines(const std::string& text) { return std::to_string(std::count(text.begin(), text.end(), '\n')); }

TEST_CASE("profile without a counter tells null, the sources tried, why, and what would help") {
  const SmallWorld world;
  const json result = succeeding(profile(world, {"--runs", "2", "--json"})).json();
  CHECK(result["mj_per_image"].is_null());
  CHECK(result["ms_per_image"].get<double>() > 0);
  CHECK(result["breakdown"]["mj_per_image"].is_null());
  CHECK_FALSE(result.contains("estimated_mj_per_image"));
  std::vector<std::string> sources;
  for (const json& tried : result["energy"]["sources_tried"]) {
    sources.push_back(tried["source"]);
    CHECK_FALSE(tried["reason"].get<std::string>().empty());
  }
  CHECK(sources == std::vector<std::string>{"powercap", "perf", "hwmon", "hwmon", "battery", "nvml"});
  CHECK(contains(result["energy"]["sources_tried"][0]["remedy"], "modprobe"));
  CHECK(contains(succeeding(profile(world, {"--runs", "2"})).out, "sudo modprobe intel_rapl_msr"));
  CHECK(error_fault(cascadecl_run(profile(world, {"--require-energy"})), 5, "energy: powercap") == "");
}

TEST_CASE("profile shows each part: the cascade, stages on survivors and alone, policies and residual") {
  const SmallWorld world;
  const json result = succeeding(profile(world, {"--runs", "4", "--json"})).json();
  CHECK(result["runs"] == 4);
  std::vector<std::string> names;
  for (const json& workload : result["workloads"]) {
    names.push_back(workload["name"]);
    CHECK(workload["windows_ms_per_image"].size() == 4);
    CHECK(workload["ci95_ms_per_image"].get<double>() > 0);
    CHECK(workload["mj_per_image"].is_null());
    CHECK(workload["top1"].is_number());
  }
  for (const char* name : {"cascade", "without policies", "alone 0", "alone 1"})
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  const json& costs = result["breakdown"]["ms_per_image"];
  CHECK(costs["stages"].get<double>() + costs["policies"].get<double>() + costs["residual"].get<double>() ==
        doctest::Approx(costs["whole"].get<double>()));
}

TEST_CASE("profile calls an estimate one, in its keys and in its text, and never a measurement") {
  const SmallWorld world;
  const json result = succeeding(profile(world, {"--runs", "2", "--energy-model", "30:10", "--json"})).json();
  CHECK(result["mj_per_image"].is_null());
  CHECK(result["estimated_mj_per_image"].get<double>() ==
        doctest::Approx(30 * result["workloads"][0]["mean_ms_per_image"].get<double>()));
  CHECK(result["estimated_marginal_mj_per_image"].get<double>() ==
        doctest::Approx(20 * result["workloads"][0]["mean_ms_per_image"].get<double>()));
  CHECK(contains(succeeding(profile(world, {"--runs", "2", "--energy-model", "30"})).out, "ESTIMATED"));
  CHECK(error_fault(cascadecl_run(profile(world, {"--energy-model", "30", "--require-energy"})), 5, "energy") == "");
  for (const char* model : {"", "0", "-3", "x", "30:", "30:40", "30:x", "inf"})
    CHECK(error_fault(cascadecl_run(profile(world, {"--energy-model", model})), 2, "--energy-model") == "");
}

TEST_CASE("profile takes a counter that stands still, as of a virtual machine, for none") {
  const SmallWorld world;
  FakeSys sys;
  sys.add_zone("intel-rapl:0", "package-0", 1'000'000);
  const std::vector<std::string> flags = {"--runs", "1", "--sys-root", sys.environment().sys_root.string()};
  std::vector<std::string> arguments = {"profile", world.model(), "--data", world.data(), "--images", "10", "--json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const json result = succeeding(arguments).json();
  CHECK(result["mj_per_image"].is_null());
  CHECK(contains(result["energy"]["sources_tried"].back()["reason"], "did not advance"));
  arguments.emplace_back("--require-energy");
  CHECK(error_fault(cascadecl_run(arguments), 5, "did not advance") == "");
}

TEST_CASE("profile writes its parts as CSV and Markdown, one line each") {
  const SmallWorld world;
  const json result = succeeding(profile(world, {"--runs", "2", "--json", "--csv", world.path("p.csv"), "--markdown",
                                                 world.path("p.md")}))
                          .json();
  const std::string csv = read_text(world.path("p.csv")), markdown = read_text(world.path("p.md"));
  CHECK(csv.starts_with("name,network,device,images,"));
  CHECK(lines(csv) == std::to_string(result["workloads"].size() + 1));
  CHECK(contains(csv, "\ncascade,"));
  CHECK(markdown.starts_with("| name | network |"));
  CHECK(lines(markdown) == std::to_string(result["workloads"].size() + 2));
  CHECK(error_fault(cascadecl_run(profile(world, {"--csv", world.path("no/folder.csv")})), 1, "folder.csv") == "");
}

TEST_CASE("profile compare tells which differences are significant") {
  const SmallWorld world;
  const auto file = [&](const std::string& name, const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = profile(world, flags);
    arguments.insert(arguments.end(), {"--runs", "5", "--json"});
    write_text(world.path(name), succeeding(arguments).out);
    return world.path(name);
  };
  const std::string a = file("a.json", {}), b = file("b.json", {"--batch-size", "4"});
  const json same = succeeding({"profile", "compare", a, a, "--json"}).json();
  for (const json& quantity : same["quantities"]) {
    CHECK(quantity["difference"] == 0);
    CHECK(quantity["significant"] == false);
  }
  const Finished text = succeeding({"profile", "compare", a, b});
  CHECK(contains(text.out, "Welch"));
  CHECK(contains(text.out, "settings differ: batch_size: 128 and 4"));
  CHECK(error_fault(cascadecl_run({"profile", "compare", a}), 2, "B.json") == "");
  CHECK(error_fault(cascadecl_run({"profile", "compare", a, world.path("none.json")}), 4, "none.json") == "");
  write_text(world.path("bad.json"), "{}");
  CHECK(error_fault(cascadecl_run({"profile", "compare", world.path("bad.json"), a}), 4, "bad.json") == "");
}

}  // namespace
}  // namespace cascadecl::testing
