#include "runtime/energy/meter.h"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <system_error>
#include <utility>

#include "runtime/energy/perf_energy.h"

namespace cascadecl {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The files read here hold one short line.
std::string read_short_file(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) throw std::system_error(errno, std::generic_category());
  char text[256];
  const std::size_t length = std::fread(text, 1, sizeof text, file.get());
  if (std::ferror(file.get())) throw std::system_error(errno, std::generic_category());
  return {text, length};
}

std::string describe(const MeterAttempt& failed) {
  return fmt::format("{}: {}: {}", failed.source, failed.path, failed.reason);
}

}  // namespace

MeterReadError::MeterReadError(MeterAttempt failed) : MeasurementError(describe(failed)), attempt(std::move(failed)) {}

void EnergyMeter::leave_out(std::size_t domain, std::string why) {
  domains_.at(domain).counted = false;
  domains_[domain].why_not = std::move(why);
}

MeterEnvironment::MeterEnvironment()
    : clock(steady_seconds), read_file(read_short_file), open_perf(open_kernel_perf_counter) {}

}  // namespace cascadecl
