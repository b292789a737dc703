#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "tests/bench/suite.h"

namespace cascadecl::bench {
namespace {

const std::map<std::string, Table (*)(const Device&, const Settings&)> benches = {
    {"kernels", kernels}, {"networks", networks}, {"cascade", cascade}, {"start-up", start_up}};

constexpr const char* usage =
    "usage: bench_suite kernels|networks|cascade|start-up|all... [--seconds S] [--device SPEC] [--json FILE] [--smoke]";

struct Arguments {
  std::vector<std::string> names;
  std::string device = "auto", json;
  Settings settings;
};

Arguments parse(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&]() -> std::string {
      if (++i == count) throw UsageError(word + " needs a value");
      return words[i];
    };
    if (word == "--smoke") {
      arguments.settings.smoke = true;
    } else if (word == "--device") {
      arguments.device = value();
    } else if (word == "--json") {
      arguments.json = value();
    } else if (word == "--seconds") {
      arguments.settings.seconds = std::stod(value());
    } else if (word == "all") {
      arguments.names = {"kernels", "networks", "cascade", "start-up"};
    } else if (benches.contains(word)) {
      arguments.names.push_back(word);
    } else {
      throw UsageError(usage);
    }
  }
  if (arguments.names.empty()) throw UsageError(usage);
  return arguments;
}

void run(const Arguments& arguments) {
  const Device device(select_device(arguments.device, list_devices()));
  nlohmann::ordered_json result = {{"device", device.info().name},
                                   {"platform", device.info().platform_name},
                                   {"compute_units", device.info().compute_units},
                                   {"seconds", arguments.settings.seconds}};
  for (const std::string& name : arguments.names) {
    const Table table = benches.at(name)(device, arguments.settings);
    fmt::print("{}\n", table.markdown());
    std::fflush(stdout);
    result[name] = table.json();
  }
  if (!arguments.json.empty()) std::ofstream(arguments.json) << result.dump(2) << "\n";
}

}  // namespace
}  // namespace cascadecl::bench

int main(int count, char** words) {
  try {
    cascadecl::bench::run(cascadecl::bench::parse(count, words));
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_suite: {}\n", error.what());
    return 1;
  }
  return 0;
}
