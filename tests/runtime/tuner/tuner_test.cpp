#include "runtime/tuner/tuner.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "data/files/error.h"
#include "runtime/cascade/policy_weights.h"
#include "runtime/network/inference_plan.h"
#include "runtime/network/stages.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/batch_norm.h"
#include "runtime/ops/conv_backward.h"
#include "runtime/ops/conv_gemm.h"
#include "runtime/ops/piece.h"
#include "runtime/ops/residual_block.h"
#include "runtime/tuner/network_jobs.h"
#include "tests/support/device_test.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;

TuningTarget target(int block) {
  return {.block = block, .coarse_items = true, .local_memory = 256 * 1024, .work_group = 4096};
}

const ConvGeometry shapes[] = {
    {{16, 32, 32}, 16, 3, 3, 1, 1}, {{64, 8, 8}, 64, 3, 3, 1, 1},   {{20, 5, 7}, 48, 3, 3, 1, 1},
    {{80, 1, 1}, 80, 3, 3, 1, 1},   {{3, 13, 6}, 48, 11, 11, 2, 5}, {{5, 1, 1}, 3, 1, 1, 1, 0},
    {{16, 9, 9}, 32, 1, 1, 2, 0},   {{16, 64, 40}, 48, 3, 3, 1, 1},
};

template <class P, class Geometry>
void check_candidates(const Geometry& g, const TuningTarget& target) {
  const std::vector<P> all = candidates<P>(g, target);
  REQUIRE_FALSE(all.empty());
  CHECK(values_of(all.front()) == values_of(P::choose(g, target)));
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].fault(g, target) == "");
    CHECK(values_of(*from_values<P>(values_of(all[i]))) == values_of(all[i]));
    for (std::size_t k = 0; k < i; ++k) CHECK(values_of(all[k]) != values_of(all[i]));
  }
}

// Zero, negative and huge values of each tunable, which a file may hold, are told to be faulty.
template <class P, class Geometry>
void check_faults(const Geometry& g, const TuningTarget& target) {
  for (const Tunable<P>& tunable : P::tunables()) {
    for (const int value : {0, -4, 1 << 28}) {
      P p = P::choose(g, target);
      p.*tunable.member = value;
      CAPTURE(to_string(values_of(p)));
      CHECK(p.fault(g, target) != "");
    }
  }
}

template <class P, class Geometry>
void check_parameters(const Geometry& g, const TuningTarget& target) {
  check_candidates<P>(g, target);
  check_faults<P>(g, target);
}

// Takes `microseconds`; its results are `error` off.
Trial fake_trial(const Device& device, int microseconds, float error) {
  const auto run = [=](int) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    while (std::chrono::steady_clock::now() < end) {
    }
  };
  return {run, {{device.upload(std::vector<float>{1, 2, 3 + error})}}};
}

// A job whose values V make runs of V * 100 microseconds; 99 gives wrong results, 98 does not build.
TuningJob fake_job(const std::vector<int>& candidates, int width = 1) {
  TuningJob job{.key = {.kernel = "fake", .operation = "forward", .width = width}, .layers = "a"};
  for (const int v : candidates) job.candidates.push_back({{"V", v}});
  job.uses.emplace_back([key = job.key](const TrialContext& c) {
    if (c.kernels == KernelClass::reference) return fake_trial(c.device, 0, 0);
    const int v = c.device.tuning().find(key)->values[0].second;
    if (v == 98) throw DeviceError("does not build\nlong log");
    return fake_trial(c.device, v * 100, v == 99 ? 1.0F : 0.0F);
  });
  return job;
}

using Results = std::vector<std::vector<float>>;

// What all uses of a job write.
Results results_of(const TuningJob& job, const Device& device, KernelClass kernels, TrialData& data) {
  Results results;
  for (const MakeTrial& use : job.uses) {
    const Trial trial = use({device, kernels, data, job.images, job.max_batch});
    trial.run(job.checked_images);
    for (const auto& [array, per_image] : trial.outputs)
      results.push_back(
          device.read(array, per_image ? per_image * static_cast<std::size_t>(job.checked_images) : array.size()));
  }
  return results;
}

// What was tried of each kernel: "conv_direct forward TILE_W=4".
using TriedValues = std::set<std::string>;

// Whether a candidate has values that were not tried before; they are then.
bool tries_new_values(const TuningKey& key, const TuningValues& candidate, TriedValues& tried) {
  bool any = false;
  for (const auto& [name, value] : candidate)
    any |= tried.insert(fmt::format("{} {} {}={}", key.kernel, key.operation, name, value)).second;
  return any;
}

// Candidates that have every value of every tunable, but for those tried before: one at least. In steps that are prime
// to the number of candidates, so that all values change from one to the next and few are needed.
std::vector<TuningValues> some_candidates(const TuningJob& job, TriedValues& tried) {
  const std::size_t count = job.candidates.size();
  std::size_t step = (count * 5 + 7) / 8;
  while (std::gcd(step, count) != 1) ++step;
  std::vector<TuningValues> some;
  for (std::size_t k = 1; k <= count; ++k) {  // the rule's, which all other tests run, comes last
    const TuningValues& candidate = job.candidates[k * step % count];
    if (tries_new_values(job.key, candidate, tried) || some.empty()) some.push_back(candidate);
  }
  return some;
}

void check_against_reference(const TuningJob& job, const Device& plain, TriedValues& tried) {
  TrialData data(plain);
  const Results expected = results_of(job, plain.with_tuning(Tuning()), KernelClass::reference, data);
  for (const TuningValues& candidate : some_candidates(job, tried)) {
    const std::string name = to_string(job.key) + ": " + to_string(candidate);
    CAPTURE(name);
    const Device device =
        plain.with_tuning(Tuning({{TuningSource::user, {{job.key, TuningEntry{.values = candidate}}}}}));
    const Results actual = results_of(job, device, KernelClass::automatic, data);
    CHECK(relative_difference(expected, actual) < 1e-4);
    CHECK(device.tuning().asked().contains(job.key));
    CHECK(device.tuning().find(job.key).has_value());  // it was taken, not dropped
  }
}

// A network that runs every kernel with tunables, in inference or training.
Network all_kernels() {
  NetworkBuilder net({5, 9, 7});
  net.convolution(20, {3, 3, 1, 1});  // 5 channels: the direct kernels
  net.batch_norm();
  net.relu();
  net.convolution(32, {3, 3, 1, 1});  // behind a ReLU: both gradients in one
  net.batch_norm();
  net.convolution(32, {3, 3, 1, 1});  // without: a kernel for each gradient
  net.batch_norm();
  net.relu();
  net.convolution(16, {1, 1, 2, 0});
  return net.finish(3);
}

Device with_class(KernelClass kernels) {
  DeviceInfo info = test_device().info();
  info.kernels = kernels;
  return Device(info);
}

}  // namespace

TEST_CASE("candidates are valid, distinct, and begin with the rule's; what is out of range is told to be faulty") {
  for (const ConvGeometry& g : shapes) {
    const bool in_blocks = g.in.channels >= 16 && g.out_channels >= 16;
    if (g.kernel_h == 3 && in_blocks) {
      check_parameters<conv::Winograd>(g, target(16));
      check_parameters<conv::FilterWinograd>(g, target(16));
      check_candidates<BackwardTunables>(g, target(16));
    }
    check_parameters<conv::Direct>(g, target(16));
    check_parameters<conv::FilterDirect>(g, target(16));
    check_parameters<conv::Strided>(g, target(16));
    check_parameters<conv::GemmTile>(g.out_channels, target(4));
    check_parameters<conv::GemmFilterTile>(g, target(4));
    check_parameters<BatchNormGroup>(g.in, target(4));
  }
  check_parameters<conv::Winograd>(shapes[0], target(8));
  check_parameters<conv::FilterWinograd>(shapes[0], target(4));
  check_faults<BackwardTunables>(shapes[0], target(16));
  for (const auto& head : {std::optional<ConvGeometry>(), std::optional<ConvGeometry>({{3, 9, 9}, 16, 3, 3, 1, 1})})
    check_parameters<BlockTunables>(ResidualBlockGeometry{.head = head, .shape = {16, 9, 9}, .units = 2}, target(16));
  for (const int hidden : {64, 100, 1}) {
    check_parameters<PolicyTiling>(PolicySize{.classes = 10, .hidden = hidden}, target(16));
    TuningTarget gpu = target(4);
    gpu.coarse_items = false;
    check_parameters<PolicyTiling>(PolicySize{.classes = 10, .hidden = hidden}, gpu);
  }
}

TEST_CASE("pieces of a row are multiples of the step, up to the whole row") {
  const PieceProblem problem{.key = {.kernel = "sgd"}, .length = 1000, .step = 16, .coarse = 4096, .fine = 16};
  check_parameters<Piece>(problem, target(16));
  CHECK(Piece::choose(problem, target(16)).piece == 4096);
  TuningTarget gpu = target(4);
  gpu.coarse_items = false;
  CHECK(Piece::choose(problem, gpu).piece == 16);
  CHECK(Piece::ranges(problem, gpu).front() == std::vector<int>{16, 64, 256, 1008});
  CHECK(Piece{17}.fault(problem, gpu) == "PIECE 17 is no multiple of 16");
  CHECK(Piece{16}.count(1000) == 63);
}

TEST_CASE("every kernel computes the same with other tunables, on odd shapes and with all fusions") {
  std::set<std::string> kernels;
  TriedValues tried;
  const std::vector<Network> networks = {all_kernels(), small_resnet({3, 9, 7}), odd_network()};
  for (const TuningJob& job : network_jobs(test_device(), networks, {.batches = {11}, .train = true})) {
    check_against_reference(job, test_device(), tried);
    kernels.insert(job.key.kernel + " " + job.key.operation);
  }
  std::set<std::string> expected = {"batch_norm apply",
                                    "compact gather",
                                    "compact select",
                                    "dense forward",
                                    "elementwise accumulate",
                                    "elementwise add_views",
                                    "elementwise activation_mask",
                                    "policy stop",
                                    "sgd step"};
  const bool cpu = test_device().info().kernel_class() == KernelClass::cpu;
  expected.merge(cpu ? std::set<std::string>{"conv_backward_winograd both", "conv_data_strided data",
                                             "conv_direct data", "conv_direct forward", "conv_filter_direct filter",
                                             "conv_filter_winograd filter", "conv_winograd data",
                                             "conv_winograd forward", "residual_block forward"}
                     : std::set<std::string>{"conv_gemm data", "conv_gemm forward", "conv_filter_gemm filter",
                                             "batch_norm_groups sums"});
  for (const std::string& kernel : expected) {
    CAPTURE(kernel);
    CHECK(kernels.contains(kernel));
  }
}

TEST_CASE("the kernels of the GPU class compute the same with other tunables") {
  const Device gpu = with_class(KernelClass::gpu);
  std::set<std::string> kernels;
  TriedValues tried;
  for (const TuningJob& job : network_jobs(gpu, {all_kernels()}, {.batches = {5}, .train = true})) {
    check_against_reference(job, gpu, tried);
    kernels.insert(job.key.kernel);
  }
  for (const char* kernel : {"conv_gemm", "conv_filter_gemm", "batch_norm_groups", "policy"}) {
    CAPTURE(kernel);
    CHECK(kernels.contains(kernel));
  }
}

TEST_CASE("the jobs of a network are what its plans look up: with their results no step runs by its rule") {
  for (const KernelClass kernels : {KernelClass::automatic, KernelClass::gpu}) {
    const Device device = with_class(kernels);
    const std::vector<Network> networks = {all_kernels(), small_resnet(), odd_network(), biased_network(),
                                           parse_stages("resnet-20", {3, 32, 32}, 10).front()};
    for (const Network& network : networks) {
      TuningTable results;
      for (const TuningJob& job : network_jobs(device, {network}, {.batches = {20}, .train = true}))
        results[job.key].values = job.candidates.back();
      const Device tuned = device.with_tuning(Tuning({{TuningSource::user, results}})).rehearsal();
      std::vector<PlanStep> steps = InferencePlan(tuned, network, zero_parameters(network), 20).steps();
      const std::vector<PlanStep> more = TrainingPlan(tuned, network, zero_parameters(network), 20).steps();
      steps.insert(steps.end(), more.begin(), more.end());
      for (const PlanStep& step : steps) {
        CAPTURE(network.name() + " " + step.layers + " " + step.operation);
        CHECK((step.parameters.empty() || step.source == TuningSource::user));
      }
      for (const TuningKey& key : tuned.tuning().asked()) {
        CAPTURE(to_string(key));
        CHECK(results.contains(key));
      }
    }
  }
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
  TunerSettings settings{.seconds = 0.5};
  settings.finished = [&](const TuningResult& result) { kept.push_back(result); };
  const auto start = std::chrono::steady_clock::now();
  const auto results = tune(test_device(), {fake_job(many), fake_job({1, 2})}, {}, settings);
  CHECK(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < 2);
  REQUIRE_FALSE(results.empty());
  CHECK_FALSE(results[0].best.complete);
  CHECK(results[0].tried < many.size());
  CHECK_FALSE(kept.empty());
}

TEST_CASE("each job has a share of the time, and what is left goes round until all candidates are tried") {
  const std::vector<TuningJob> jobs = {fake_job(std::vector<int>(30, 3), 1), fake_job({4, 2}, 2)};
  const auto all = tune(test_device(), jobs, {}, {.seconds = 100});
  REQUIRE(all.size() == 2);
  CHECK(all[0].best.complete);
  CHECK(all[0].tried == 30);
  CHECK(all[1].best.complete);
}

TEST_CASE("candidates next to the best are tried first") {
  TuningJob job = fake_job({4});
  job.candidates = {{{"V", 8}, {"W", 1}}, {{"V", 2}, {"W", 1}}, {{"V", 9}, {"W", 2}}, {{"V", 2}, {"W", 2}}};
  std::vector<TuningValues> built;
  job.uses.emplace_back([&built, key = job.key](const TrialContext& c) {
    if (const auto found = c.device.tuning().find(key)) built.push_back(found->values);
    return fake_trial(c.device, 0, 0);
  });
  static_cast<void>(tune(test_device(), {job}, {}, {}));
  CHECK(built == std::vector<TuningValues>{job.candidates[0], job.candidates[1], job.candidates[3], job.candidates[2]});
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
