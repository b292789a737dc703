#include "runtime/study/runs/profile_file.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

namespace {

ProfiledWorkload workload(ProfiledWorkload::Role role, const std::string& name, const std::vector<double>& ms) {
  return {
      .role = role, .name = name, .images = 10, .mmac_per_image = 2, .top1 = 0.5, .figures = {.ms_per_image = {ms}}};
}

// A single stage, with energy in its windows alone.
ProfileRecord record() {
  using Role = ProfiledWorkload::Role;
  CascadeProfile profile{
      .images = 10,
      .top1 = 0.5,
      .mmac_per_image = 2,
      .mac_fraction = 1,
      .workloads = {workload(Role::cascade, "cascade", {1, 2, 3}), workload(Role::alone, "alone 0", {1.5, 0.1, 1e-9})},
      .largest = 1,
      .largest_mmac = 2};
  profile.workloads[1].figures.total_mj_per_image = Sample{{30, 31, 35}};
  profile.workloads[1].figures.marginal_mj_per_image = Sample{{-1, 0.5, -2}};
  profile.stages.push_back({.network = "resnet-8",
                            .device = "CPU",
                            .mmac = 2,
                            .entered = 10,
                            .stopped = 10,
                            .ms = {{10, 20, 30}},
                            .policy_ms = {{0, 0, 0}},
                            .measured = 1,
                            .alone = 1});
  return {.runs = 3, .batch_size = 128, .device = "CPU", .precision = "fp32", .profile = profile};
}

}  // namespace

TEST_CASE("a profile that is written is read with its settings and every window") {
  const ProfileRecord written = record();
  const ProfileWindows read = parse_profile(to_json(written), "A.json");
  CHECK(read.settings.at("batch_size") == "128");
  CHECK(read.settings.at("device") == "\"CPU\"");
  REQUIRE(read.series.size() == 4);
  CHECK(read.series[0].workload == "cascade");
  CHECK(read.series[0].quantity == "ms_per_image");
  CHECK(read.series[0].windows.values == written.profile.workloads[0].figures.ms_per_image.values);
  CHECK(read.series[1].windows.values == std::vector<double>{1.5, 0.1, 1e-9});
  CHECK(read.series[2].quantity == "mj_per_image");
  CHECK(read.series[2].windows.values == std::vector<double>{30, 31, 35});
  CHECK(read.series[3].quantity == "marginal_mj_per_image");
}

TEST_CASE(
    "a profile file says null of what is unknown: a cascade's network, energy, and marginal energy in the noise") {
  const auto json = nlohmann::json::parse(to_json(record()));
  const auto& cascade = json["workloads"][0];
  const auto& alone = json["workloads"][1];
  CHECK(cascade["network"].is_null());
  CHECK(cascade["mj_per_image"].is_null());
  CHECK(alone["network"] == "resnet-8");
  CHECK(alone["mj_per_image"] == 32);
  CHECK(alone["marginal_mj_per_image"].is_null());
  CHECK_FALSE(alone.contains("estimated_mj_per_image"));
}

TEST_CASE("an estimate of energy is a field of its own, in every workload") {
  ProfileRecord estimated = record();
  estimated.estimate = EnergyModel{.busy_w = 30, .idle_w = 10};
  for (const ProfiledWorkload& of : estimated.profile.workloads)
    CHECK(workload_fields(estimated, of).size() == workload_fields(record(), of).size() + 2);
  const auto json = nlohmann::json::parse(to_json(estimated));
  CHECK(json["workloads"][0]["estimated_mj_per_image"] == 60);
  CHECK(json["workloads"][0]["estimated_marginal_mj_per_image"] == 40);
}

TEST_CASE("a file that is no profile is refused by name and field") {
  const auto error = [](const std::string& text) {
    return error_of<FileError>([&] { parse_profile(text, "A.json"); });
  };
  const std::string head = R"({"format": "cascadecl-profile", "format_version": 1, "workloads": )";
  CHECK(contains(error("{"), "A.json: is no profile"));
  CHECK(contains(error(R"({"format": "cascadecl-sweep"})"), "is no profile"));
  CHECK(contains(error(R"({"format": "cascadecl-profile", "format_version": 2})"), "format_version"));
  CHECK(contains(error(head + "3}"), "field 'workloads': expected a list"));
  CHECK(contains(error(head + "[]}"), "holds no windows"));
  CHECK(contains(error(head + "[3]}"), "workloads[0]: field 'name'"));
  CHECK(contains(error(head + R"([{"name": "a", "windows_ms_per_image": 3}]})"), "windows_ms_per_image"));
  CHECK(contains(error(head + R"([{"name": "a", "windows_ms_per_image": ["3"]}]})"), "expected a list of numbers"));
  CHECK(contains(error(head + R"([{"name": "a", "windows_ms_per_image": []}]})"), "at least one window"));
  const std::string open(200, '['), close(200, ']');
  CHECK(contains(error(fmt::format("{{\"device\": {}{}}}", open, close)), "deep in each other"));
  CHECK(contains(error_of<FileError>([] { read_profile("/nowhere/A.json"); }), "/nowhere/A.json: no such file"));
}
