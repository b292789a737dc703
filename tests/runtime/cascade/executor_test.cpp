#include "runtime/cascade/executor.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>

#include "data/files/error.h"
#include "runtime/network/zoo.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/reference_network.h"
#include "tests/support/small_cascade.h"

namespace cascadecl {
namespace {

using namespace small_cascade;

// Float sums of a few hundred terms against double ones.
constexpr double float_tolerance = 1e-4, half_tolerance = 3e-2;

reference::Values normalised(const Model& model, const std::uint8_t* pixels) {
  reference::Values values(image_bytes);
  for (std::size_t i = 0; i < image_bytes; ++i) {
    const std::size_t channel = i / (image_bytes / 3);
    values[i] = (pixels[i] / 255.0 - model.mean[channel]) / model.std[channel];
  }
  return values;
}

// The images one by one, in double precision: what every stage would say.
const std::vector<reference::CascadeAnswer>& by_hand(int n) {
  static std::vector<reference::CascadeAnswer> answers;
  const auto images = random_images(n);
  for (std::size_t i = answers.size(); i < static_cast<std::size_t>(n); ++i) {
    answers.push_back(reference::classify(test_model(), normalised(test_model(), &images[i * image_bytes])));
  }
  return answers;
}

CascadeExecutor make_executor(const Model& model, const ExecutorSettings& settings) {
  return {model, std::vector<Device>(model.stages.size(), testing::test_device()), settings};
}

// A threshold at which about `share` of the first stage's images stop, away from any image's probability.
double splitting_threshold(int n, double share) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(by_hand(n)[static_cast<std::size_t>(i)].stop_probability[0]);
  std::sort(values.begin(), values.end(), std::greater<>());
  const auto at = static_cast<std::size_t>(share * n);
  return (values[at - 1] + values[at]) / 2;
}

// Compares a result with the images run by hand under the same rule. Returns the stages at which images stopped.
std::set<int> check_against_hand(const CascadeResult& result, const ExecutorSettings& settings, int n) {
  std::set<int> exits;
  const bool halves = settings.precision == Precision::fp16;
  const double tolerance = halves ? half_tolerance : float_tolerance;
  const std::size_t images = static_cast<std::size_t>(n), k = test_model().stages.size(), c = classes;
  const StoppingPolicy policy = settings.policy.value_or(make_policy({PolicyKind::learned}));
  const Combine combine = settings.combine.value_or(Combine::reweight);
  for (std::size_t i = 0; i < images; ++i) {
    CAPTURE(i);
    const reference::CascadeAnswer& hand = by_hand(n)[i];
    std::size_t exit = 0;
    const auto stop_probability = [&](std::size_t t) {  // rounding to halves may decide otherwise, if consistently
      return halves ? static_cast<double>(result.stop_probability[t * images + i]) : hand.stop_probability[t];
    };
    const auto score = [&](std::size_t t) {
      return policy.score->of({.stage = t, .image = i, .stop_probability = stop_probability(t)});
    };
    while (exit + 1 < k && score(exit) < policy.limit) ++exit;
    REQUIRE(result.exit_stage[i] == static_cast<int>(exit));
    exits.insert(result.exit_stage[i]);
    reference::Values answer(c);
    double weights = 0;
    for (std::size_t t = 0; t < k; ++t) {
      const float stop = result.stop_probability[t * images + i];
      CHECK(std::isnan(stop) == (t > exit));
      CHECK(std::isnan(result.probabilities[(t * images + i) * c]) == (t > exit));
      if (t > exit) continue;
      CHECK(stop == doctest::Approx(hand.stop_probability[t]).epsilon(tolerance));
      const double weight = combine == Combine::reweight ? hand.stop_probability[t] : t == exit;
      weights += weight;
      for (std::size_t j = 0; j < c; ++j) {
        answer[j] += weight * hand.probabilities[t * c + j];
        CHECK(std::abs(result.probabilities[(t * images + i) * c + j] - hand.probabilities[t * c + j]) < tolerance);
      }
    }
    for (std::size_t j = 0; j < c; ++j) CHECK(std::abs(result.answer[i * c + j] - answer[j] / weights) < tolerance);
  }
  return exits;
}

TEST_CASE("the cascade answers as each image run by hand under learned policies and combinations") {
  constexpr int n = 23;
  const auto images = random_images(n);
  for (const PolicyChoice& choice : {PolicyChoice{}, PolicyChoice{PolicyKind::sample},
                                     PolicyChoice{PolicyKind::learned, splitting_threshold(n, 0.4)}}) {
    for (const Combine combine : {Combine::reweight, Combine::last}) {
      CAPTURE(to_string(choice));
      const ExecutorSettings settings{.max_batch = 5, .policy = make_policy(choice, {3}), .combine = combine};
      const auto exits = check_against_hand(make_executor(test_model(), settings).classify(images), settings, n);
      if (choice.kind == PolicyKind::sample || choice.parameter) CHECK(exits.size() > 1);
    }
  }
}

TEST_CASE("policies that see features stop images as each image run by hand") {
  constexpr int n = 19;
  const Model model = random_model({make_network("resnet-8", shape, classes), make_network("wrn-10-2", shape, classes),
                                    make_network("resnet-14", shape, classes)},
                                   12, PolicyInput::features);
  const auto images = random_images(n);
  for (const int batch : {4, 32}) {  // a window of several batches, and one batch that is not full
    const CascadeResult result = make_executor(model, {.max_batch = batch}).classify(images);
    std::set<int> exits;
    for (std::size_t i = 0; i < n; ++i) {
      const auto hand = reference::classify(model, normalised(model, &images[i * image_bytes]));
      CHECK(result.exit_stage[i] == hand.exit_stage);
      exits.insert(hand.exit_stage);
      for (std::size_t t = 0; t <= static_cast<std::size_t>(hand.exit_stage); ++t)
        CHECK(result.stop_probability[t * n + i] ==
              doctest::Approx(hand.stop_probability[t]).epsilon(10 * float_tolerance));
    }
    CHECK(exits.size() > 1);
  }
}

TEST_CASE("survivors kept as halves are those that went on, whatever waits for the next stage") {
  constexpr int n = 23;
  for (const int max_batch : {4, 5, 32}) {
    CAPTURE(max_batch);
    const ExecutorSettings settings{.max_batch = max_batch,
                                    .policy = make_policy({PolicyKind::learned, splitting_threshold(n, 0.4)}),
                                    .precision = Precision::fp16};
    CHECK(check_against_hand(make_executor(test_model(), settings).classify(random_images(n)), settings, n).size() > 1);
  }
}

TEST_CASE("a stage runs on the survivors alone and counts them") {
  constexpr int n = 20;
  const ExecutorSettings settings{
      .max_batch = 4, .policy = make_policy({PolicyKind::learned, splitting_threshold(n, 0.5)}), .time_stages = true};
  const CascadeResult result = make_executor(test_model(), settings).classify(random_images(n));
  CHECK(result.stages[0].entered == n);
  CHECK(result.stages[0].stopped == n / 2);
  CHECK(result.stages[1].entered == n / 2);
  CHECK(result.stages[2].entered == result.stages[1].entered - result.stages[1].stopped);
  CHECK(result.stages[2].stopped == result.stages[2].entered);
  for (std::size_t k = 0; k < 3; ++k) {
    const auto stopped = std::count(result.exit_stage.begin(), result.exit_stage.end(), static_cast<int>(k));
    CHECK(stopped == result.stages[k].stopped);
  }
  CHECK(result.stages[0].seconds > 0);
  CHECK(result.seconds >= result.stages[0].seconds);
}

TEST_CASE("no survivors: the later stages do not run") {
  const ExecutorSettings settings{.max_batch = 8, .policy = make_policy({PolicyKind::learned, 0})};
  const CascadeResult result = make_executor(test_model(), settings).classify(random_images(11));
  CHECK(result.stages[0].stopped == 11);
  CHECK(result.stages[1].entered == 0);
  CHECK(result.stages[2].entered == 0);
  check_against_hand(result, settings, 11);
}

TEST_CASE("all survive: every image reaches the last stage and stops there") {
  Model model = test_model();
  for (Policy& policy : model.policies) policy.bias3 = {-60, 60};  // stop probability e^-120 or so
  const ExecutorSettings settings{.max_batch = 8};
  const CascadeResult result = make_executor(model, settings).classify(random_images(11));
  for (std::size_t k = 0; k < 3; ++k) CHECK(result.stages[k].entered == 11);
  CHECK(result.stages[2].stopped == 11);
  CHECK(std::all_of(result.exit_stage.begin(), result.exit_stage.end(), [](int stage) { return stage == 2; }));
}

TEST_CASE("answers and exits do not depend on the batch size, nor on how images are cut into calls") {
  const auto images = random_images(40);
  const StoppingPolicy policy = make_policy({PolicyKind::sample}, {8});
  const CascadeResult whole = make_executor(test_model(), {.max_batch = 40, .policy = policy}).classify(images);
  std::map<int, CascadeExecutor> executors;
  for (const int max_batch : {1, 2, 7, 16, 39, 64}) {
    executors.emplace(max_batch, make_executor(test_model(), {.max_batch = max_batch, .policy = policy}));
  }
  const bool holds = rc::check("any batch size and any cut", [&] {
    const int max_batch = *rc::gen::element(1, 2, 7, 16, 39, 64), cut = *rc::gen::inRange(0, 41);
    CascadeExecutor& executor = executors.at(max_batch);
    const std::span<const std::uint8_t> all(images);
    const std::size_t first_bytes = static_cast<std::size_t>(cut) * image_bytes;
    CascadeResult parts = executor.classify(all.first(first_bytes));
    const CascadeResult rest = executor.classify(all.subspan(first_bytes), static_cast<std::uint64_t>(cut));
    parts.exit_stage.insert(parts.exit_stage.end(), rest.exit_stage.begin(), rest.exit_stage.end());
    parts.answer.insert(parts.answer.end(), rest.answer.begin(), rest.answer.end());
    RC_ASSERT(parts.exit_stage == whole.exit_stage);
    RC_ASSERT(parts.answer.size() == whole.answer.size());
    for (std::size_t i = 0; i < whole.answer.size(); ++i) RC_ASSERT(std::abs(parts.answer[i] - whole.answer[i]) < 1e-5);
  });
  CHECK(holds);
}

TEST_CASE("stages on devices of their own give the same answers") {
  constexpr int n = 13;
  const ExecutorSettings settings{.max_batch = 4,
                                  .policy = make_policy({PolicyKind::learned, splitting_threshold(n, 0.4)})};
  // A second handle on the same device: memory is not shared, images cross through the host.
  const Device other(testing::test_device().info());
  CascadeExecutor executor(test_model(), {testing::test_device(), other, testing::test_device()}, settings);
  CHECK(check_against_hand(executor.classify(random_images(n)), settings, n).size() > 1);
}

TEST_CASE("no images give an empty result") {
  const CascadeResult result = make_executor(test_model(), {}).classify({});
  CHECK(result.images == 0);
  CHECK(result.answer.empty());
  CHECK(result.stages[0].entered == 0);
}

TEST_CASE("the executor refuses half images, wrong numbers of devices and empty batches") {
  CascadeExecutor executor = make_executor(test_model(), {.max_batch = 2});
  CHECK_THROWS_AS(executor.classify(std::vector<std::uint8_t>(image_bytes + 1)), ShapeError);
  CHECK_THROWS_AS(CascadeExecutor(test_model(), {testing::test_device()}, {}), UsageError);
  CHECK_THROWS_AS(make_executor(test_model(), {.max_batch = 0}), UsageError);
  Model broken = test_model();
  broken.policies.pop_back();
  CHECK_THROWS_AS(make_executor(broken, {}), ShapeError);
}

TEST_CASE("the label is the first of the largest values of an answer") {
  CascadeResult result;
  result.images = 2;
  result.classes = 3;
  result.answer = {0.2F, 0.4F, 0.4F, 0.5F, 0.5F, 0};
  CHECK(result.label(0) == 1);
  CHECK(result.label(1) == 0);
}

TEST_CASE("an exit costs all stages and policies up to it") {
  const Model& model = test_model();
  CHECK(model.macs_through(0) == model.stage_macs(0));
  CHECK(model.macs_through(2) == model.stage_macs(0) + model.stage_macs(1) + model.stage_macs(2));
}

}  // namespace
}  // namespace cascadecl
