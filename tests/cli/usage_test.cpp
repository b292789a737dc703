#include <doctest/doctest.h>

#include <cstdlib>

#include "runtime/opencl/device_info.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

const std::vector<std::vector<std::string>> all_commands = {
    {"devices"},      {"info"},  {"data", "import"}, {"data", "fetch"}, {"data", "generate"},
    {"data", "info"}, {"train"}, {"eval"},           {"predict"},       {"profile"},
    {"report"},       {"tune"},  {"bench"}};

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

TEST_CASE("--version and --help succeed, and help lists every command") {
  CHECK(cascadecl_run({"--version"}).out.starts_with("cascadecl "));
  const Finished help = cascadecl_run({"--help"});
  CHECK(help.status == 0);
  for (const auto& command : all_commands) CHECK(contains(help.out, "\n  " + command.front() + " "));
}

TEST_CASE("every command has --help with the common flags") {
  for (const auto& command : all_commands) {
    const Finished help = cascadecl_run(with(command, {"--help"}));
    CAPTURE(help.out);
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    for (const char* flag : {"usage: cascadecl ", "--help", "--json", "--config", "--quiet"}) {
      CHECK(contains(help.out, flag));
    }
  }
}

TEST_CASE("a missing or unknown command is wrong usage") {
  CHECK(error_fault(cascadecl_run({}), 2, "command") == "");
  CHECK(error_fault(cascadecl_run({"evaluate"}), 2, "'evaluate'") == "");
  CHECK(error_fault(cascadecl_run({"--fast"}), 2, "'--fast'") == "");
  CHECK(error_fault(cascadecl_run({"data"}), 2, "import") == "");
  CHECK(error_fault(cascadecl_run({"data", "export"}), 2, "'export'") == "");
}

TEST_CASE("an unknown flag is named by every command, shortened names too") {
  for (const auto& command : all_commands) {
    CHECK(error_fault(cascadecl_run(with(command, {"--frobnicate"})), 2, "'--frobnicate'") == "");
    CHECK(error_fault(cascadecl_run(with(command, {"--jso"})), 2, "'--jso'") == "");
  }
}

TEST_CASE("bad values are named with their flag") {
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--batch", "0"}), 2, "--batch: 0") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--batch", "many"}), 2, "--batch: 'many'") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--mode", "fast"}), 2, "--mode: 'fast'") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--precision", "fp8"}), 2, "--precision: 'fp8'") ==
        "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--mode", "train", "--precision", "fp16"}), 2,
                    "training runs in fp32") == "");
  CHECK(error_fault(cascadecl_run({"train", "--data", "d", "--stages", "resnet-8", "-o", "m", "--precision", "fp16"}),
                    2, "training runs in fp32") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-9"}), 2, "resnet-9") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8,resnet-20"}), 2, "--network") == "");
  CHECK(error_fault(cascadecl_run({"bench", "--network", "resnet-8", "--input", "32x32"}), 2, "--input") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--stop", "threshold"}), 2, "--stop") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--stop", "threshold", "2"}), 2, "--stop") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--combine", "mean"}), 2, "--combine") == "");
  CHECK(error_fault(cascadecl_run({"train", "--data", "d", "--stages", "resnet-8", "-o", "m", "--phases", "sleep"}), 2,
                    "'sleep'") == "");
}

TEST_CASE("what is missing is named") {
  CHECK(error_fault(cascadecl_run({"eval"}), 2, "MODEL") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5"}), 2, "--data") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data"}), 2, "--data") == "");
  CHECK(error_fault(cascadecl_run({"train", "--data", "d.h5", "-o", "m.h5"}), 2, "--stages") == "");
  CHECK(error_fault(cascadecl_run({"predict", "m.h5"}), 2, "--data") == "");
  CHECK(error_fault(cascadecl_run({"predict", "m.h5", "--data", "d.h5"}), 2, "--output") == "");
  CHECK(error_fault(cascadecl_run({"bench"}), 2, "--network") == "");
  CHECK(error_fault(cascadecl_run({"info"}), 2, "--stages") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "n.h5", "--data", "d.h5"}), 2, "'n.h5'") == "");
}

TEST_CASE("a device that is not there is status 3, and those that are there are listed") {
  const auto bench = [](const std::string& device) {
    return cascadecl_run({"bench", "--network", "resnet-8", "--seconds", "0", "--device", device});
  };
  CHECK(error_fault(bench("cpu:99"), 3, "cpu:99") == "");
  CHECK(error_fault(bench("ocl:99.0"), 3, "ocl:99.0") == "");
  CHECK(error_fault(bench("toaster"), 2, "toaster") == "");
  const SmallWorld world;
  const auto eval = [&](const std::string& device) {
    return cascadecl_run({"eval", world.model(), "--data", world.data(), "--device", device});
  };
  CHECK(error_fault(eval("cpu:99"), 3, "cpu:99") == "");
  CHECK(error_fault(eval("cpu,cpu,cpu"), 2, "3") == "");
}

TEST_CASE("a kernel class that the device cannot run is status 3, and those that it can are listed") {
  if (select_device("auto", list_devices()).platform_name != "Portable Computing Language") {
    MESSAGE("not tested: only PoCL lets a test limit the work-groups");
    return;
  }
  ::setenv("POCL_MAX_WORK_GROUP_SIZE", "32", 1);
  const Finished run =
      cascadecl_run({"bench", "--network", "resnet-8", "--seconds", "0", "--kernel-class", "gpu", "--device", "auto"});
  ::unsetenv("POCL_MAX_WORK_GROUP_SIZE");
  CHECK(error_fault(run, 3, "cpu and reference") == "");
}

TEST_CASE("a full disk behind stdout is a failure") {
  Process process({"devices"}, "/dev/full");
  CHECK(error_fault(process.wait(), 1, "standard output") == "");
}

}  // namespace
}  // namespace cascadecl::testing
