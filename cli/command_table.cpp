#include "cli/command_table.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/suggestion.h"

namespace cascadecl {

std::span<const CommandEntry> commands() {
  static const std::vector<CommandEntry> all = {
      {"devices", "list the OpenCL devices of this machine", run_devices},
      {"info", "show layers, parameters and MACs of networks, a model or a dataset", run_info},
      {"data", "import, fetch, generate or describe dataset files", run_data, {"import", "fetch", "generate", "info"}},
      {"train", "train a cascade", run_train},
      {"eval", "measure accuracy, cost and speed of a model", run_eval},
      {"stream", "send images one by one as they arrive, and time their answers", run_stream},
      {"policies", "compare stopping policies on the same images", run_policies},
      {"predict", "classify images", run_predict},
      {"profile", "measure time and energy per image", run_profile, {"compare"}},
      {"placement", "show which stage runs best on which device", run_placement},
      {"report", "write one HTML page on models and sweeps", run_report},
      {"calibrate", "fit temperatures, combination, exit functions and thresholds", run_calibrate},
      {"sweep", "measure many policies on the same stages", run_sweep},
      {"tune", "measure which kernel parameters are fastest on a device", run_tune},
      {"bench", "measure the speed of one network", run_bench},
      {"help", "show how a command is used", run_help},
  };
  return all;
}

const CommandEntry& find_command(std::string_view name) {
  std::vector<std::string> names;
  for (const CommandEntry& command : commands()) {
    if (command.name == name) return command;
    names.emplace_back(command.name);
  }
  throw UsageError(fmt::format("unknown {} '{}'{} (see cascadecl --help)", name.starts_with('-') ? "flag" : "command",
                               name, did_you_mean(name, names)));
}

std::vector<std::string> command_lines() {
  std::vector<std::string> lines;
  for (const CommandEntry& command : commands()) {
    lines.emplace_back(command.name);
    for (const std::string_view action : command.actions) lines.push_back(fmt::format("{} {}", command.name, action));
  }
  return lines;
}

}  // namespace cascadecl
