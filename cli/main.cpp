#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <string>

#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "cli/standard_files.h"
#include "cli/version.h"
#include "data/files/error.h"
#include "data/files/hdf5_file.h"
#include "data/files/temporary_files.h"
#include "runtime/cascade/pipeline/pipeline.h"
#include "runtime/foreign_text.h"
#include "runtime/opencl/serial_device.h"

namespace cascadecl {
namespace {

// Runs what is asked for; `prefix` becomes the beginning of an error's line.
void run(const Arguments& arguments, std::string& prefix) {
  if (arguments.empty()) throw UsageError("a command is missing (see cascadecl --help)");
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") {
    print(usage());
  } else if (first == "--version") {
    print_line(fmt::format("cascadecl {}", version));
  } else {
    const CommandEntry& command = find_command(first);
    prefix += fmt::format(" {}", command.name);
    command.run({arguments.begin() + 1, arguments.end()});
  }
  flush_output();
}

// The exit status that belongs to the error being handled, after telling it on stderr.
int report_error(const std::string& prefix) {
  const auto end = [&](const std::string& what, int status) {
    tell(fmt::format("{}: {}", prefix, what));
    return status;
  };
  try {
    throw;
  } catch (const UsageError& error) {
    return end(shown_line(error.what()), 2);
  } catch (const DeviceNotFoundError& error) {
    return end(shown_line(error.what()), 3);
  } catch (const FileError& error) {
    return end(shown_line(error.what()), 4);
  } catch (const MeasurementError& error) {
    return end(shown_line(error.what()), 5);
  } catch (const std::bad_alloc&) {
    return end("not enough memory", 1);
  } catch (const DeviceError& error) {
    return end(error.what(), 1);  // with the log of a build, line by line
  } catch (const std::exception& error) {
    return end(shown_line(error.what()), 1);
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
  cascadecl::remove_temporary_files_on_signals();
  cascadecl::skip_hdf5_cleanup_at_exit();
  cascadecl::show_serial_device();
  std::string prefix = "cascadecl";
  try {
    cascadecl::run({argv + 1, argv + argc}, prefix);
    return cascadecl::leave(0);
  } catch (...) {
    return cascadecl::leave(cascadecl::report_error(prefix));
  }
}
