#include <doctest/doctest.h>

#include <cstdlib>

#include "runtime/opencl/device_info.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

const std::vector<std::vector<std::string>> all_commands = {
    {"devices"}, {"info"},      {"data", "import"}, {"data", "fetch"}, {"data", "generate"}, {"data", "info"},
    {"train"},   {"eval"},      {"predict"},        {"profile"},       {"report"},           {"tune"},
    {"bench"},   {"placement"}, {"calibrate"},      {"sweep"}};

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

TEST_CASE("help tells of a command what its --help does, and names commands and flags for shells") {
  CHECK(cascadecl_run({"help"}).out == cascadecl_run({"--help"}).out);
  for (const auto& command : all_commands) {
    const Finished help = cascadecl_run(with({"help"}, command)), own = cascadecl_run(with(command, {"--help"}));
    CAPTURE(command.front());
    CHECK(help.status == 0);
    CHECK(help.out == own.out);
    const Finished flags = cascadecl_run(with({"help", "--flags"}, command));
    CHECK(contains(flags.out, "--help\n--config\n--json\n--quiet\n"));
    const Finished page = cascadecl_run(with({"help", "--man"}, command));
    CHECK(page.out.starts_with(".TH CASCADECL-"));
    for (const char* part : {"\n.SH NAME\n", "\n.SH SYNOPSIS\n", "\n.SH FLAGS OF EVERY COMMAND\n", "\\-\\-quiet"})
      CHECK(contains(page.out, part));
  }
  const std::string commands = cascadecl_run({"help", "--commands"}).out;
  for (const char* line : {"train\n", "data import\n", "profile compare\n"}) CHECK(contains(commands, line));
  CHECK(contains(cascadecl_run({"help", "--flags", "train"}).out, "--output\n"));
  CHECK(contains(cascadecl_run({"train", "--help"}).out, "\nexamples:\n"));
  CHECK(error_fault(cascadecl_run({"help", "trian"}), 2, "did you mean 'train'?") == "");
  CHECK(error_fault(cascadecl_run({"help", "train", "more"}), 2, "'train more'") == "");
  CHECK(error_fault(cascadecl_run({"help", "--pages"}), 2, "'--pages'") == "");
}

TEST_CASE("what was probably meant is asked") {
  CHECK(error_fault(cascadecl_run({"evla"}), 2, "did you mean 'eval'?") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--batchsize", "3"}), 2, "did you mean '--batch-size'?") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--policy", "margins:0.5"}), 2,
                    "did you mean 'margin'?") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--combine", "fited"}), 2,
                    "did you mean 'fitted'?") == "");
}

TEST_CASE("bash completes commands, their actions and flags") {
  const TemporaryFolder folder;
  const auto completions = [&](const std::string& words, int current) {
    write_text(folder / "complete.sh", "source " CASCADECL_COMPLETION "\nCOMP_WORDS=(" CASCADECL_PROGRAM " " + words +
                                           ")\nCOMP_CWORD=" + std::to_string(current) +
                                           "\n_cascadecl\necho \"${COMPREPLY[*]}\"\n");
    REQUIRE(std::system(("bash " + (folder / "complete.sh").string() + " > " + (folder / "out").string()).c_str()) ==
            0);
    return read_text(folder / "out");
  };
  CHECK(completions("pr", 1) == "predict profile\n");
  CHECK(completions("data im", 2) == "import\n");
  CHECK(completions("data import --lay", 3) == "--layout\n");
  CHECK(completions("eval m.h5 --comb", 3) == "--combine\n");
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
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--policy", "learned:2"}), 2, "learned") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--policy", "sample:0.5"}), 2, "sample") == "");
  CHECK(error_fault(cascadecl_run({"eval", "m.h5", "--data", "d.h5", "--combine", "mean"}), 2, "--combine") == "");
  CHECK(error_fault(cascadecl_run({"train", "--data", "d", "--stages", "resnet-8", "-o", "m", "--phases", "sleep"}), 2,
                    "'sleep'") == "");
}

// Flags that may not be given together, each as it is named in the error.
struct Company {
  std::vector<std::string> command;
  std::vector<std::string> flag;   // refused
  std::vector<std::string> other;  // beside it; empty where it needs another one
  std::string needed = {};
};

TEST_CASE("flags that would say nothing in each other's company are refused, and both are named") {
  const std::vector<std::string> eval = {"eval", "m.h5", "--data", "d.h5"};
  const std::vector<std::string> stream = {"--stream"};
  const std::vector<std::string> latency = {"--objective", "latency"};
  std::vector<Company> cases = {
      {{"predict", "m.h5", "a.png"}, {"--max-delay-ms", "5"}, {}, "--stream"},
      {{"predict", "m.h5"}, {"--data", "d.h5"}, stream},
      {{"predict", "m.h5"}, {"--output", "o.h5"}, stream},
      {{"predict", "m.h5"}, {"--placement", "auto"}, stream},
      {{"predict", "m.h5", "a.png"}, {"--null"}, {}, "--stream"},
      {{"predict", "m.h5"}, {"--csv", "o.csv"}, stream},
      {{"predict", "m.h5", "a.png", "--output", "o.h5"}, {}, {"--data", "d.h5"}, "PATH"},
      {{"predict", "m.h5", "--output", "o.h5"}, {"--top", "2"}, {"--data", "d.h5"}},
      {{"report", "m.h5"}, {"--policy", "oracle"}, {}, "--data"},
      {{"report", "m.h5"}, {"--device", "auto"}, {}, "--data"},
      {{"info", "--stages", "resnet-8"}, {"--batch-size", "4"}, {}, "--device"},
      {{"info", "--stages", "resnet-8"}, {"--precision", "fp16"}, {}, "--device"},
      {{"info", "m.h5"}, {"--classes", "4"}, {}, "--stages"},
      {{"calibrate", "m.h5", "--data", "d.h5", "-o", "o.h5"}, {"--alpha", "1"}, {"--exit-functions", "no"}},
      {{"calibrate", "m.h5", "--data", "d.h5", "-o", "o.h5"}, {"--target-ms", "1"}, {"--target-mac", "1"}},
      {{"calibrate", "m.h5", "--data", "d.h5", "-o", "o.h5"}, {"--test", "test"}, {}, "--target"},
      {{"sweep", "m.h5", "--data", "d.h5", "-o", "o.json"}, {"--joint-epochs", "2"}, {}, "--joint"},
      {{"sweep", "m.h5", "--data", "d.h5", "-o", "o.json"}, {"--held-out", "train"}, {"--joint"}},
      {{"data", "import", "cifar10", "x", "-o", "o.h5"}, {"--labels", "fine"}, {}, "cifar100"},
      {{"data", "import", "cifar10", "x", "-o", "o.h5"}, {"--size", "3x8x8"}, {}, "folder"},
      {{"data", "fetch", "cifar10", "-o", "o.h5"}, {"--sha256", "12"}, {"--md5", "12"}},
  };
  const std::vector<std::string> sys_root = {"--sys-root", "/host/sys"};
  cases.push_back({eval, sys_root, {}, "--objective energy"});
  cases.push_back({{"predict", "m.h5", "a.png"}, sys_root, {}, "--objective energy"});
  cases.push_back({{"calibrate", "m.h5", "--data", "d.h5", "-o", "o.h5"}, sys_root, {}, "--target-mj"});
  cases.push_back({{"train", "--data", "d.h5", "--stages", "resnet-8", "-o", "m.h5"}, sys_root, {}, "--cost mj"});
  cases.push_back({eval, {"--no-compare"}, {}, "--precision fp16"});
  for (const char* command : {"eval", "profile", "report"})
    cases.push_back({{command, "m.h5", "--data", "d.h5"}, latency, {}, "--placement auto"});
  cases.push_back({{"predict", "m.h5", "a.png"}, latency, {}, "--placement auto"});
  for (const Company& of : cases) {
    const Finished run = cascadecl_run(with(with(of.command, of.flag), of.other));
    CAPTURE(run.err);
    if (!of.flag.empty()) CHECK(error_fault(run, 2, of.flag.front()) == "");
    CHECK(error_fault(run, 2, of.other.empty() || !of.needed.empty() ? of.needed : of.other.front()) == "");
  }
}

TEST_CASE("a command takes no flag that it would not follow") {
  const auto taken = [](const std::string& command, const std::string& flag) {
    return contains("\n" + cascadecl_run({"help", "--flags", command}).out, "\n" + flag + "\n");
  };
  for (const char* flag : {"--trace", "--placement", "--on-device-failure", "--objective", "--device-timeout"}) {
    CAPTURE(flag);
    for (const char* command : {"eval", "predict", "profile"}) CHECK(taken(command, flag));
  }
  CHECK_FALSE(taken("report", "--trace"));
  for (const char* flag : {"--trace", "--placement", "--on-device-failure"}) {
    CHECK_FALSE(taken("placement", flag));
    const Finished run = cascadecl_run({"placement", "explain", "m.h5", "--data", "d.h5", flag, "auto"});
    CHECK(error_fault(run, 2, flag) == "");
  }
  for (const char* flag : {"--estimator", "--reward-label", "--entropy"}) {
    CHECK(taken("sweep", flag));
    CHECK_FALSE(taken("calibrate", flag));
  }
}

TEST_CASE("a file that could not be written after the work is told before it") {
  const std::string nowhere = "/proc/none/file";
  for (const char* command : {"eval", "profile"})
    CHECK(error_fault(cascadecl_run({command, "m.h5", "--data", "d.h5", "--trace", nowhere}), 1, nowhere) == "");
  CHECK(error_fault(cascadecl_run({"predict", "m.h5", "a.png", "--trace", nowhere}), 1, nowhere) == "");
  for (const char* flag : {"--csv", "--markdown"}) {
    CHECK(error_fault(cascadecl_run({"profile", "m.h5", "--data", "d.h5", flag, nowhere}), 1, nowhere) == "");
    CHECK(error_fault(cascadecl_run({"sweep", "m.h5", "--data", "d.h5", "-o", "o.json", flag, nowhere}), 1, nowhere) ==
          "");
  }
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
