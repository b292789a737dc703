#include "runtime/opencl/half_arithmetic.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "data/files/error.h"
#include "runtime/opencl/half.h"

namespace cascadecl {
namespace {

constexpr std::size_t kValues = 64;

// The first result that is further from the exact one than rounding a product and a sum may take it, as text.
std::string fault(const std::vector<Half>& a, const std::vector<Half>& b, const std::vector<Half>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const float x = to_float(a[i]), y = to_float(b[i]), expected = x * y + y, result = to_float(results[i]);
    const float allowed = 0x1p-10F * (std::abs(x * y) + std::abs(expected));
    if (!(std::abs(result - expected) <= allowed))
      return fmt::format("{} * {} + {} gave {}, expected {}", x, y, y, result, expected);
  }
  return {};
}

}  // namespace

HalfArithmetic probe_half_arithmetic(const Device& device) {
  try {
    Kernel kernel = device.kernel("half_arithmetic.cl", "half_arithmetic", {{"HALF_ARITHMETIC", 1}});
    std::vector<Half> a, b;
    for (std::size_t i = 0; i < kValues; ++i) {
      a.push_back(to_half(1.0F + 0.37F * static_cast<float>(i)));
      b.push_back(to_half(3.1F - 0.11F * static_cast<float>(i)));
    }
    const Array<Half> out = device.allocate<Half>(kValues);
    const Array<int> known = device.allocate<int>(1);
    kernel.run({kValues}, device.upload(a), device.upload(b), out, known);
    if (!device.read(known).front()) return {false, "its compiler does not know cl_khr_fp16"};
    const std::string wrong = fault(a, b, device.read(out));
    return {wrong.empty(), wrong};
  } catch (const DeviceError& error) {
    return {false, error.what()};
  }
}

}  // namespace cascadecl
