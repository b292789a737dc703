// Kernel files are OpenCL C as they lie: every tunable has a default.
#include <doctest/doctest.h>

#include <string>

#include "kernels/sources.h"
#include "runtime/opencl/device.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

// "" if the text builds, else the build log.
std::string build_error(const std::string& text, const std::string& defines = "") {
  const Device& device = testing::test_device();
  cl::Program program(device.context(), text);
  try {
    program.build({device.info().handle}, ("-cl-std=CL1.2" + defines).c_str());
  } catch (const cl::Error&) {
    return "failed:\n" + program.getBuildInfo<CL_PROGRAM_BUILD_LOG>(device.info().handle);
  }
  return "";
}

}  // namespace

TEST_CASE("every kernel file builds alone, with the defaults of its tunables") {
  REQUIRE(!kernel_sources().empty());
  for (const auto& file : kernel_sources()) {
    CAPTURE(file.first);
    CHECK(build_error(file.second) == "");
    CHECK(build_error(file.second, " -DHALF_STORAGE=1") == "");
  }
}

}  // namespace cascadecl
