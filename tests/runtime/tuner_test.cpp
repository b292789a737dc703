#include "runtime/tuning/tuner.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "data/error.h"
#include "runtime/ops/conv_kernels.h"
#include "runtime/tuning/conv_trials.h"
#include "runtime/tuning/network_jobs.h"
#include "tests/support/device_test.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr std::size_t local_memory = 256 * 1024;
const ConvGeometry shapes[] = {
    {{16, 32, 32}, 16, 3, 3, 1, 1}, {{64, 8, 8}, 64, 3, 3, 1, 1},   {{20, 5, 7}, 48, 3, 3, 1, 1},
    {{80, 1, 1}, 80, 3, 3, 1, 1},   {{3, 13, 6}, 48, 11, 11, 2, 5}, {{5, 1, 1}, 3, 1, 1, 1, 0},
    {{16, 9, 9}, 32, 1, 1, 2, 0},   {{16, 64, 40}, 48, 3, 3, 1, 1},
};

template <class P>
void check_candidates(const ConvGeometry& g, int block) {
  const std::vector<P> all = candidates<P>(g, block, local_memory);
  REQUIRE_FALSE(all.empty());
  CHECK(values_of(all.front()) == values_of(P::choose(g, block)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].fault(g, block, local_memory) == "");
    CHECK(values_of(*from_values<P>(values_of(all[i]))) == values_of(all[i]));
    for (std::size_t k = 0; k < i; ++k) CHECK(values_of(all[k]) != values_of(all[i]));
  }
}

// A trial whose results are `error` off, and which counts its runs.
class FakeTrial : public Trial {
 public:
  FakeTrial(int work, float error) : work_(work), error_(error) {}
  void run(int) override {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(work_);
    while (std::chrono::steady_clock::now() < end) {
    }
  }
  std::vector<std::vector<float>> results(int) override { return {{1, 2, 3 + error_}}; }

 private:
  int work_;
  float error_;
};

// A job whose values V make runs of V * 100 microseconds; 99 gives wrong results, 98 does not build.
TuningJob fake_job(std::vector<int> candidates) {
  TuningJob job{.key = {.kernel = "fake", .operation = "forward"}, .layers = "a", .candidates = {}, .make = {}};
  for (const int v : candidates) job.candidates.push_back({{"V", v}});
  job.make = [key = job.key](const Device& device, KernelClass kernels) -> std::unique_ptr<Trial> {
    if (kernels == KernelClass::reference) return std::make_unique<FakeTrial>(0, 0.0F);
    const int v = device.tuning().find(key)->values[0].second;
    if (v == 98) throw DeviceError("does not build\nlong log");
    return std::make_unique<FakeTrial>(v * 100, v == 99 ? 1.0F : 0.0F);
  };
  return job;
}

// Convolutions with every candidate in turn, or every `step`th, against the reference.
void check_against_reference(TuningJob job, std::size_t step) {
  const std::unique_ptr<Trial> reference = job.make(test_device(), KernelClass::reference);
  reference->run(job.checked_images);
  const auto expected = reference->results(job.checked_images);
  for (std::size_t i = 0; i < job.candidates.size(); i += step) {
    const std::string name = to_string(job.key) + ": " + to_string(job.candidates[i]);
    CAPTURE(name);
    const Device device = test_device().with_tuning(
        Tuning({{TuningSource::user, {{job.key, TuningEntry{.values = job.candidates[i]}}}}}));
    const std::unique_ptr<Trial> trial = job.make(device, KernelClass::automatic);
    trial->run(job.checked_images);
    CHECK(relative_difference(expected, trial->results(job.checked_images)) < 1e-4);
    CHECK(device.tuning().find(job.key).has_value());  // it was taken, not dropped
  }
}

}  // namespace

TEST_CASE("candidates are valid, distinct, and begin with the rule's") {
  for (const ConvGeometry& g : shapes) {
    const bool in_blocks = g.in.channels >= 16 && g.out_channels >= 16;
    if (g.kernel_h == 3 && in_blocks) check_candidates<conv::Winograd>(g, 16);
    if (g.kernel_h == 3 && in_blocks) check_candidates<conv::FilterWinograd>(g, 16);
    check_candidates<conv::Direct>(g, 16);
    check_candidates<conv::FilterDirect>(g, 16);
  }
  check_candidates<conv::Winograd>(shapes[0], 8);
  check_candidates<conv::FilterWinograd>(shapes[0], 4);
}

TEST_CASE("every kernel computes the same with other tunables, on odd shapes and with all fusions") {
  NetworkBuilder net({5, 9, 7});
  net.convolution(20, {3, 3, 1, 1});  // 5 channels: the direct kernels
  net.batch_norm();
  net.relu();
  net.convolution(32, {3, 3, 1, 1});  // the Winograd kernels
  net.batch_norm();
  net.relu();
  net.convolution(16, {1, 1, 2, 0});
  std::size_t kernels = 0;
  for (const TuningJob& job : network_jobs(test_device(), {net.finish(3)}, {.batches = {11}, .train = true})) {
    check_against_reference(job, job.candidates.size() > 60 ? 37 : job.candidates.size() > 10 ? 7 : 3);
    ++kernels;
  }
  if (test_device().info().device_class == DeviceClass::cpu) CHECK(kernels >= 7);
}

TEST_CASE("the fastest candidate is kept, with its gain; wrong ones and those that do not build are named") {
  const std::vector<TuningResult> results = tune(test_device(), {fake_job({4, 99, 8, 98, 2, 6})}, {}, {});
  REQUIRE(results.size() == 1);
  CHECK(results[0].best.values == TuningValues{{"V", 2}});
  CHECK(results[0].default_values == TuningValues{{"V", 4}});
  CHECK(results[0].best.complete);
  CHECK(results[0].tried == 6);
  CHECK(results[0].speedup() > 1.2);
  REQUIRE(results[0].rejected.size() == 2);
  CHECK(results[0].rejected[0].starts_with("V=99: differs from the reference by 0.33"));
  CHECK(results[0].rejected[1] == "V=98: does not build");
}

TEST_CASE("the default stays where nothing is clearly faster, and a wrong default gives no result") {
  CHECK(tune(test_device(), {fake_job({4, 5, 6})}, {}, {})[0].best.values == TuningValues{{"V", 4}});
  CHECK(tune(test_device(), {fake_job({99, 1})}, {}, {}).empty());
}

TEST_CASE("what is known completely is skipped, unless asked for again or no candidate any more") {
  const TuningJob job = fake_job({4, 2});
  TuningTable known = {{job.key, {.values = {{"V", 4}}, .ms = 1, .default_ms = 2}}};
  CHECK(tune(test_device(), {job}, known, {})[0].known);
  CHECK(tune(test_device(), {job}, known, {})[0].speedup() == 2.0);
  CHECK_FALSE(tune(test_device(), {job}, known, {.again = true})[0].known);
  known[job.key].complete = false;
  CHECK_FALSE(tune(test_device(), {job}, known, {})[0].known);
  known[job.key] = {.values = {{"V", 7}}};
  CHECK_FALSE(tune(test_device(), {job}, known, {})[0].known);
}

TEST_CASE("a run that is out of time keeps what it has, told as not complete") {
  std::vector<int> many(2000, 3);
  std::vector<TuningResult> kept;
  TunerSettings settings{.seconds = 0.2};
  settings.finished = [&](const TuningResult& result) { kept.push_back(result); };
  const auto start = std::chrono::steady_clock::now();
  const auto results = tune(test_device(), {fake_job(many), fake_job({1, 2})}, {}, settings);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 2);
  REQUIRE(results.size() == 1);
  CHECK_FALSE(results[0].best.complete);
  CHECK(results[0].tried < many.size());
  CHECK(kept.size() == 1);
}

TEST_CASE("differences are relative to the largest value, and no number is never right") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(relative_difference({{1, 4}, {2}}, {{1, 3}, {2}}) == doctest::Approx(0.25));
  CHECK(relative_difference({{1}}, {{1}}) == 0);
  CHECK(std::isinf(relative_difference({{1}}, {{nan}})));
  CHECK(std::isinf(relative_difference({{1}}, {{1, 1}})));
  CHECK(std::isinf(relative_difference({{1}}, {})));
}

}  // namespace cascadecl
