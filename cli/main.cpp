#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string_view>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/standard_files.h"
#include "cli/version.h"
#include "data/files/error.h"
#include "runtime/cascade/pipeline/pipeline.h"
#include "runtime/foreign_text.h"
#include "runtime/opencl/serial_device.h"

namespace cascadecl {
namespace {

struct Command {
  std::string_view name, summary;
  void (*run)(const Arguments&);
};

constexpr std::array commands = {
    Command{"devices", "list the OpenCL devices of this machine", run_devices},
    Command{"info", "show layers, parameters and MACs of networks, a model or a dataset", run_info},
    Command{"data", "import, generate or describe dataset files", run_data},
    Command{"train", "train a cascade", run_train},
    Command{"eval", "measure accuracy, cost and speed of a model", run_eval},
    Command{"stream", "send images one by one as they arrive, and time their answers", run_stream},
    Command{"policies", "compare stopping policies on the same images", run_policies},
    Command{"predict", "classify images", run_predict},
    Command{"profile", "measure time and energy per image", run_profile},
    Command{"placement", "show which stage runs best on which device", run_placement},
    Command{"report", "write one HTML page on models and sweeps", run_report},
    Command{"calibrate", "fit temperatures, combination, exit functions and thresholds", run_calibrate},
    Command{"sweep", "measure many policies on the same stages", run_sweep},
    Command{"tune", "measure which kernel parameters are fastest on a device", run_tune},
    Command{"bench", "measure the speed of one network", run_bench},
};

std::string usage() {
  std::string text =
      "usage: cascadecl COMMAND [arguments]\n\n"
      "Trains and runs cascades of image classifiers in OpenCL: easy images leave early.\n\ncommands:\n";
  for (const Command& command : commands) text += fmt::format("  {:9} {}\n", command.name, command.summary);
  text +=
      "\ncascadecl COMMAND --help shows the flags of a command, cascadecl --version the version.\n"
      "Exit status: 0 done, 1 failed while running, 2 wrong usage, 3 no such device, 4 bad input file,\n"
      "5 measurement not possible.\n";
  return text;
}

const Command& find_command(std::string_view name) {
  for (const Command& command : commands) {
    if (command.name == name) return command;
  }
  throw UsageError(
      fmt::format("unknown {} '{}' (see cascadecl --help)", name.starts_with('-') ? "flag" : "command", name));
}

// Runs what is asked for; `prefix` becomes the beginning of an error's line.
void run(const Arguments& arguments, std::string& prefix) {
  if (arguments.empty()) throw UsageError("a command is missing (see cascadecl --help)");
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") {
    print(usage());
  } else if (first == "--version") {
    print_line(fmt::format("cascadecl {}", version));
  } else {
    const Command& command = find_command(first);
    prefix += fmt::format(" {}", command.name);
    command.run({arguments.begin() + 1, arguments.end()});
  }
  flush_output();
}

// The exit status that belongs to the error being handled, after telling it on stderr.
int report_error(const std::string& prefix) {
  const auto tell = [&](const std::string& what, int status) {
    fmt::print(stderr, "{}: {}\n", prefix, what);
    return status;
  };
  try {
    throw;
  } catch (const UsageError& error) {
    return tell(shown_line(error.what()), 2);
  } catch (const DeviceNotFoundError& error) {
    return tell(shown_line(error.what()), 3);
  } catch (const FileError& error) {
    return tell(shown_line(error.what()), 4);
  } catch (const MeasurementError& error) {
    return tell(shown_line(error.what()), 5);
  } catch (const std::bad_alloc&) {
    return tell("not enough memory", 1);
  } catch (const DeviceError& error) {
    return tell(error.what(), 1);  // with the log of a build, line by line
  } catch (const std::exception& error) {
    return tell(shown_line(error.what()), 1);
  }
}

// The thread that waits for a device that hangs cannot be ended: leaves without taking OpenCL down under it.
int leave(int status) {
  if (!threads_left_behind()) return status;
  std::fflush(nullptr);
  std::_Exit(status);
}

}  // namespace
}  // namespace cascadecl

int main(int argc, char** argv) {
  cascadecl::hold_closed_standard_files();
  cascadecl::show_serial_device();
  std::string prefix = "cascadecl";
  try {
    cascadecl::run({argv + 1, argv + argc}, prefix);
    return cascadecl::leave(0);
  } catch (...) {
    return cascadecl::leave(cascadecl::report_error(prefix));
  }
}
