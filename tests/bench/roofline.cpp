#include "tests/bench/roofline.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "runtime/ops/launch.h"

namespace cascadecl::bench {
namespace {

constexpr int kRounds = 1000000, kChains = 12, kWidth = 16;
constexpr std::size_t kFloats = std::size_t{32} << 20;  // 128 MiB, more than caches hold

Kernel build(const Device& device, const char* name, int chunk) {
  std::ifstream file(BENCH_FOLDER "/roofline.cl");
  std::stringstream text;
  text << file.rdbuf();
  cl::Program program(device.context(), text.str());
  program.build({device.info().handle}, fmt::format("-DROUNDS={} -DCHUNK={}", kRounds, chunk).c_str());
  return {cl::Kernel(program, name), device.queue(), name, device.info().name};
}

}  // namespace

struct Roofline::State {
  explicit State(const Device& d)
      : device(d),
        chunk(coarse_items(d) ? 4096 : 1),
        items(coarse_items(d) ? to_size(static_cast<int>(d.info().compute_units)) : 64 * 1024),
        out(d.allocate<float>(items)),
        from(d.allocate<float>(kFloats)),
        to(d.allocate<float>(kFloats)),
        multiply_add(build(d, "multiply_add", chunk)),
        copy(build(d, "copy", chunk)) {
    d.fill(from, 1.0F);
    d.fill(to, 0.0F);
  }
  Device device;
  int chunk;
  std::size_t items;
  Array<float> out, from, to;
  Kernel multiply_add, copy;
};

Roofline::Roofline(const Device& device) : state_(std::make_shared<State>(device)) {}

std::function<void()> Roofline::multiply_add() const {
  return [s = state_] { launch(s->device, s->multiply_add, {s->items}, s->out); };
}

std::function<void()> Roofline::copy() const {
  return [s = state_] { launch(s->device, s->copy, {kFloats / kWidth / to_size(s->chunk)}, s->from, s->to); };
}

double Roofline::flop() const { return 2.0 * kRounds * kChains * kWidth * static_cast<double>(state_->items); }
double Roofline::copy_bytes() const { return 2.0 * kFloats * sizeof(float); }

}  // namespace cascadecl::bench
