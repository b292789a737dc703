#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/bench/suite.h"

// How long the program takes until its first result: with nothing built, and with what the run before left in the
// caches of cascadecl and of PoCL.
namespace cascadecl::bench {
namespace {

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::string text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text += static_cast<char>(c);
  if (::pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return text;
}

}  // namespace

Table start_up(const Device& device, const Settings& settings) {
  Table table("Start-up", {{"network", "network"},
                           {"mode", "mode"},
                           {"cache", "caches"},
                           {"setup_ms", "ms until ready", 0},
                           {"first_step_ms", "ms of the first step", 0},
                           {"programs_built", "programs built", 0},
                           {"programs_from_cache", "from the cache", 0}});
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("cascadecl-bench-" + std::to_string(::getpid()));
  const std::string spec = "ocl:" + std::to_string(device.info().platform) + "." + std::to_string(device.info().device);
  for (const std::string& mode :
       settings.smoke ? std::vector<std::string>{"infer"} : std::vector<std::string>{"infer", "train"}) {
    std::filesystem::create_directories(folder / "pocl");
    const std::string network = settings.smoke ? "resnet-8" : "resnet-20";
    for (const char* cache : {"cold", "warm"}) {
      const std::string command = fmt::format(
          "CASCADECL_CACHE_DIR={0} POCL_CACHE_DIR={0}/pocl {1} bench --batch 8 --seconds 0 --json "
          "--network {2} --mode {3} --device {4}",
          folder.string(), BENCH_PROGRAM, network, mode, spec);
      nlohmann::ordered_json row = {{"network", network}, {"mode", mode}, {"cache", cache}};
      const nlohmann::json run = nlohmann::json::parse(output_of(command));
      for (const char* key : {"setup_ms", "first_step_ms", "programs_built", "programs_from_cache"})
        row[key] = run[key];
      table.add(row);
    }
    std::filesystem::remove_all(folder);
  }
  return table;
}

}  // namespace cascadecl::bench
