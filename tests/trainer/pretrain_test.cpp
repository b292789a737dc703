#include "trainer/pretrain.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/study/answers/label_probabilities.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_training.h"
#include "tests/support/test_networks.h"
#include "tests/support/training.h"

namespace cascadecl {
namespace {

using namespace testing;

const MemoryDataset& images() {
  static const MemoryDataset data = generate_in_memory(easy_images(8), 0, 40);
  return data;
}
const Network& network() {
  static const Network net = small_resnet({3, 8, 8}, 10);
  return net;
}
PretrainState start() { return {.parameters = random_parameters(network(), 3)}; }

// Trains on the first `fit` images and measures on the next `held_out`.
Pretrainer trainer(const PretrainSettings& settings, const PretrainState& state, int fit, int held_out = 0) {
  std::vector<std::int64_t> rest;
  for (int i = 0; i < held_out; ++i) rest.push_back(fit + i);
  return {test_device(), network(), images(), all_indices(fit), rest, settings, state};
}

PretrainSettings one_step(int micro_batch) {
  return {.epochs = 1, .batch_size = 16, .micro_batch = micro_batch, .weight_decay = 0, .augment = false};
}

double norm(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

Values normalised(const std::vector<std::int64_t>& order) {
  std::vector<std::uint8_t> pixels(order.size() * 3 * 64);
  images().read(order, pixels.data());
  Values values(pixels.size());
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const std::size_t channel = i / 64 % 3;
    values[i] = (pixels[i] / 255.0 - static_cast<double>(images().header().mean[channel])) /
                static_cast<double>(images().header().std[channel]);
  }
  return values;
}

// What reference::training_pass says of images of the set.
reference::TrainingPass expected_of(const std::vector<std::int64_t>& order, const Parameters& parameters,
                                    const Values& class_weights = {}) {
  std::vector<int> labels;
  for (const std::int64_t i : order) labels.push_back(images().labels()[static_cast<std::size_t>(i)]);
  return reference::training_pass(network(), reference::to_double(parameters), normalised(order), labels,
                                  BatchNormMode::batch, class_weights);
}

double weight_of(const std::vector<std::int64_t>& order, const Values& class_weights) {
  double sum = 0;
  for (const std::int64_t i : order)
    sum += class_weights.empty()
               ? 1
               : class_weights[static_cast<std::size_t>(images().labels()[static_cast<std::size_t>(i)])];
  return sum;
}

// The loss and the gradients of a batch in micro-batches of this size.
reference::TrainingPass expected_in_parts(const std::vector<std::int64_t>& order, int micro,
                                          const Values& class_weights = {}) {
  reference::TrainingPass sum;
  for (std::size_t first = 0; first < order.size(); first += static_cast<std::size_t>(micro)) {
    const std::size_t end = std::min(first + static_cast<std::size_t>(micro), order.size());
    const std::vector<std::int64_t> images(order.begin() + static_cast<std::ptrdiff_t>(first),
                                           order.begin() + static_cast<std::ptrdiff_t>(end));
    const reference::TrainingPass part = expected_of(images, start().parameters, class_weights);
    const double share = weight_of(images, class_weights) / weight_of(order, class_weights);
    sum.loss += part.loss * share;
    for (const auto& [key, values] : part.gradients) {
      Values& total = sum.gradients.try_emplace(key, values.size(), 0.0).first->second;
      for (std::size_t i = 0; i < values.size(); ++i) total[i] += share * values[i];
    }
  }
  return sum;
}

void check_gradients(const Parameters& actual, const reference::DoubleParameters& expected) {
  double typical = 0;
  for (const auto& [key, values] : expected) typical = std::max(typical, norm(values));
  for (const auto& entry : actual) {
    const auto& [key, gradient] = entry;
    CAPTURE(entry.first);
    Values difference = expected.at(key);
    const double size = std::max(norm(difference), 1e-3 * typical);
    for (std::size_t i = 0; i < difference.size(); ++i) difference[i] -= static_cast<double>(gradient[i]);
    CHECK(norm(difference) < 2e-3 * size);
  }
}

}  // namespace

TEST_CASE("a step of pretraining is the gradient of the mean cross-entropy of its images") {
  const int n = 12;
  Pretrainer actual = trainer(one_step(0), start(), n);
  Recorder recorder;
  REQUIRE(actual.run_epoch(recorder) == Pretrainer::Outcome::complete);

  const auto expected = expected_of(all_indices(n), start().parameters);
  CHECK(actual.last_epoch().loss == doctest::Approx(expected.loss).epsilon(1e-5));
  int correct = 0;
  for (int i = 0; i < n; ++i) {
    const auto row = expected.logits.begin() + i * 10;
    correct += std::max_element(row, row + 10) - row == images().labels()[static_cast<std::size_t>(i)];
  }
  CHECK(actual.last_epoch().accuracy.value() == doctest::Approx(correct / 12.0));
  check_gradients(actual.state().momentum, expected.gradients);
  REQUIRE(recorder.progress.size() == 1);
  CHECK(recorder.progress[0].images_done == n);
  CHECK(recorder.progress[0].images_total == n);
}

TEST_CASE("a step in micro-batches is the sum of their gradients, each normalised by its own images") {
  const int n = 12;
  for (const int micro : {5, 4, 1}) {
    CAPTURE(micro);
    const PretrainSettings settings = one_step(micro);
    Pretrainer actual = trainer(settings, start(), n);
    Recorder recorder;
    actual.run_epoch(recorder);
    const auto expected = expected_in_parts(epoch_order(all_indices(n), settings.seed, 0), micro);
    CHECK(actual.last_epoch().loss == doctest::Approx(expected.loss).epsilon(1e-5));
    check_gradients(actual.state().momentum, expected.gradients);
    REQUIRE(recorder.progress.size() == 1);
    CHECK(recorder.progress[0].images_done == n);
  }
}

TEST_CASE("class weights make a step the gradient of the weighted mean, in micro-batches or not") {
  const int n = 12;
  std::vector<float> weights;
  for (int c = 0; c < 10; ++c) weights.push_back(0.25F + 0.5F * static_cast<float>(c % 5));
  const Values in_double(weights.begin(), weights.end());
  for (const int micro : {n, 5}) {
    CAPTURE(micro);
    PretrainSettings settings = one_step(micro);
    settings.class_weights = weights;
    Pretrainer actual = trainer(settings, start(), n);
    Recorder nobody;
    actual.run_epoch(nobody);
    const std::vector<std::int64_t> order = epoch_order(all_indices(n), settings.seed, 0);
    const auto expected = expected_in_parts(order, micro, in_double);
    // Told as if the weights had a mean of 1, as those of trainings have.
    CHECK(actual.last_epoch().loss == doctest::Approx(expected.loss * weight_of(order, in_double) / n).epsilon(1e-5));
    check_gradients(actual.state().momentum, expected.gradients);
  }
}

TEST_CASE("class weights of 1 train to the bits of none") {
  Recorder nobody;
  PretrainSettings settings{.epochs = 1, .batch_size = 16, .label_smoothing = 0.1};
  Pretrainer none = trainer(settings, start(), 36);
  settings.class_weights.assign(10, 1.0F);
  Pretrainer ones = trainer(settings, start(), 36);
  for (Pretrainer* one : {&none, &ones}) one->run_epoch(nobody);
  CHECK(ones.state().parameters == none.state().parameters);
  CHECK(ones.last_epoch().loss == none.last_epoch().loss);
}

TEST_CASE("a micro-batch of the whole batch gives the bits of none") {
  Recorder nobody;
  Pretrainer whole = trainer(one_step(0), start(), 36), same = trainer(one_step(16), start(), 36),
             larger = trainer(one_step(100), start(), 36);
  for (Pretrainer* one : {&whole, &same, &larger}) one->run_epoch(nobody);
  CHECK(same.state().parameters == whole.state().parameters);
  CHECK(larger.state().parameters == whole.state().parameters);
}

TEST_CASE("an epoch's loss and accuracy are means over its images, the last short batch in proportion") {
  // A rate of nearly 0 and frozen shuffling: every batch sees the same parameters.
  PretrainSettings settings{.epochs = 1, .batch_size = 8, .learning_rate = 1e-30, .augment = false};
  Pretrainer whole = trainer(settings, start(), 20);
  Recorder recorder;
  whole.run_epoch(recorder);
  double loss = 0;
  const std::vector<std::int64_t> order = epoch_order(all_indices(20), settings.seed, 0);
  for (const auto& [first, count] : {std::pair{0, 8}, {8, 8}, {16, 4}}) {
    const std::vector<std::int64_t> part(order.begin() + first, order.begin() + first + count);
    Pretrainer one(test_device(), network(), images(), part, {}, settings, start());
    one.run_epoch(recorder);
    loss += one.last_epoch().loss * count / 20;
  }
  CHECK(whole.last_epoch().loss == doctest::Approx(loss).epsilon(1e-6));
}

TEST_CASE("held-out accuracy is that of the network at inference") {
  const PretrainSettings settings{.epochs = 1, .batch_size = 8};
  Pretrainer actual = trainer(settings, start(), 20, 20);
  Recorder nobody;
  actual.run_epoch(nobody);
  const Model model{.classes = 10,
                    .input = {3, 8, 8},
                    .mean = images().header().mean,
                    .std = images().header().std,
                    .label_names = {},
                    .stages = {{network(), actual.state().parameters}},
                    .policies = {},
                    .training = {}};
  std::vector<std::int64_t> rest;
  for (int i = 20; i < 40; ++i) rest.push_back(i);
  const StageProbabilities probabilities = label_probabilities(model, test_device(), images(), rest);
  int correct = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto row = probabilities.row(0, i);
    correct += std::max_element(row.begin(), row.end()) - row.begin() == images().labels()[20 + i];
  }
  CHECK(actual.last_epoch().validation_accuracy.value() == doctest::Approx(correct / 20.0));
}

TEST_CASE("a stopped epoch goes on from its state with the same bits, augmented or not, in micro-batches or not") {
  for (const auto& [augment, micro] : {std::pair{true, 0}, {false, 0}, {true, 3}}) {
    PretrainSettings settings{.epochs = 2, .batch_size = 8, .micro_batch = micro, .augment = augment};
    Recorder nobody;
    Pretrainer whole = trainer(settings, start(), 36);
    while (!whole.finished()) whole.run_epoch(nobody);

    Recorder stopping(3);
    Pretrainer first = trainer(settings, start(), 36);
    CHECK(first.run_epoch(stopping) == Pretrainer::Outcome::stopped);
    const PretrainState halfway = first.state();
    CHECK(halfway.progress.step == 3);
    Pretrainer second = trainer(settings, halfway, 36);
    while (!second.finished()) second.run_epoch(nobody);
    CHECK(second.state().parameters == whole.state().parameters);
    CHECK(second.state().momentum == whole.state().momentum);
    CHECK(second.last_epoch().accuracy == whole.last_epoch().accuracy);
    CHECK(second.last_epoch().loss == whole.last_epoch().loss);
  }
}

// A teacher of these images: a stage of other random weights.
std::shared_ptr<const Teacher> some_teacher() {
  const Model model{.classes = 10,
                    .input = {3, 8, 8},
                    .mean = images().header().mean,
                    .std = images().header().std,
                    .label_names = {},
                    .stages = {{network(), random_parameters(network(), 11)}},
                    .policies = {},
                    .training = {}};
  return std::make_shared<const Teacher>(Teacher{model, "some"});
}

// (1 - share) cross-entropy + share T^2 KL(q_T || p_T), the mean over the images, from logits and log q.
double taught_loss(const Values& logits, const Values& log_q, const std::vector<int>& labels, double share, double t) {
  const int n = static_cast<int>(labels.size());
  const auto softened = [&](Values values) {
    for (double& value : values) value /= t;
    return reference::softmax(values, n, 10);
  };
  const Values p = reference::softmax(logits, n, 10), p_t = softened(logits), q_t = softened(log_q);
  double loss = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    loss -= (1 - share) * std::log(p[i * 10 + static_cast<std::size_t>(labels[i])]);
    for (std::size_t c = i * 10; c < i * 10 + 10; ++c) loss += share * t * t * q_t[c] * std::log(q_t[c] / p_t[c]);
  }
  return loss / n;
}

TEST_CASE("a step of a stage with a teacher is the gradient of the distilled loss, in micro-batches too") {
  const int n = 12;
  constexpr double share = 0.9, temperature = 3;
  const std::shared_ptr<const Teacher> teacher = some_teacher();
  const StageProbabilities answers = label_probabilities(teacher->model, test_device(), images(), all_indices(n));
  std::vector<int> labels(images().labels().begin(), images().labels().begin() + n);
  Values log_q;
  for (const float p : answers.values) log_q.push_back(static_cast<double>(to_float(to_half(std::log(p)))));
  PretrainSettings settings = one_step(0);
  settings.teacher = teacher;
  settings.teacher_weight = share;
  settings.teacher_temperature = temperature;
  Pretrainer actual = trainer(settings, start(), n);
  Recorder recorder;
  REQUIRE(actual.run_epoch(recorder) == Pretrainer::Outcome::complete);

  const Values pixels = normalised(all_indices(n));
  const reference::DoubleParameters parameters = reference::to_double(start().parameters);
  const auto loss_of = [&](const reference::DoubleParameters& of) {
    return taught_loss(reference::training_logits(network(), of, pixels, labels, BatchNormMode::batch), log_q, labels,
                       share, temperature);
  };
  CHECK(actual.last_epoch().loss == doctest::Approx(loss_of(parameters)).epsilon(1e-5));
  for (const auto& [key, gradient] : actual.state().momentum) {
    CAPTURE(key);
    const std::size_t largest = static_cast<std::size_t>(
        std::ranges::max_element(gradient, {}, [](float v) { return std::abs(v); }) - gradient.begin());
    reference::DoubleParameters more = parameters, less = parameters;
    constexpr double step = 1e-6;
    more.at(key)[largest] += step;
    less.at(key)[largest] -= step;
    CHECK(static_cast<double>(gradient[largest]) ==
          doctest::Approx((loss_of(more) - loss_of(less)) / (2 * step)).epsilon(2e-3));
  }
}

TEST_CASE("a teacher is asked in the first eight epochs alone, and then its answers and images come again") {
  PretrainSettings settings{.epochs = 2 * teaching_cycle + 1, .batch_size = 8};
  settings.teacher = some_teacher();
  Pretrainer taught = trainer(settings, start(), 20);
  Recorder recorder;
  while (!taught.finished()) taught.run_epoch(recorder);
  std::vector<int> asked;
  for (const TrainProgress& step : recorder.progress)
    if (step.phase == "teacher" && step.images_done == 20) asked.push_back(step.epoch);
  CHECK(asked == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8});

  // With all else still, epoch 9 sees what epoch 1 saw.
  const auto loss_of_epoch = [&](int epoch, bool with_teacher) {
    PretrainSettings still = settings;
    still.learning_rate = 1e-30;
    still.batch_size = 20;
    if (!with_teacher) still.teacher = nullptr;
    PretrainState state = start();
    state.progress.epoch = epoch;
    Pretrainer one = trainer(still, state, 20);
    one.run_epoch(recorder);
    return one.last_epoch().loss;
  };
  CHECK(loss_of_epoch(8, true) == doctest::Approx(loss_of_epoch(0, true)).epsilon(1e-6));
  CHECK(std::abs(loss_of_epoch(1, true) - loss_of_epoch(0, true)) > 1e-4);
  CHECK(std::abs(loss_of_epoch(8, false) - loss_of_epoch(0, false)) > 1e-4);
}

TEST_CASE("a stage with a teacher goes on with the same bits, stopped in an epoch or while the teacher answers") {
  for (const auto& [augment, micro] : {std::pair{true, 0}, {false, 0}, {true, 3}}) {
    CAPTURE(augment);
    CAPTURE(micro);
    PretrainSettings settings{.epochs = 10, .batch_size = 8, .micro_batch = micro, .augment = augment};
    settings.teacher = some_teacher();
    Recorder unbroken;
    Pretrainer whole = trainer(settings, start(), 36);
    while (!whole.finished()) whole.run_epoch(unbroken);
    for (const int stop_at : {2, unbroken.asked / 3, unbroken.asked - 7}) {
      CAPTURE(stop_at);
      Recorder stopping(stop_at), nobody;
      Pretrainer first = trainer(settings, start(), 36);
      while (first.run_epoch(stopping) != Pretrainer::Outcome::stopped) REQUIRE_FALSE(first.finished());
      Pretrainer second = trainer(settings, first.state(), 36);
      while (!second.finished()) second.run_epoch(nobody);
      CHECK(second.state().parameters == whole.state().parameters);
      CHECK(second.state().momentum == whole.state().momentum);
    }
  }
}

TEST_CASE("the learning rate follows its schedule from the first step to the last") {
  CHECK(scheduled_rate(Schedule::step, 0.1, 0) == doctest::Approx(0.1));
  CHECK(scheduled_rate(Schedule::step, 0.1, 0.8) == doctest::Approx(0.001));
  CHECK(scheduled_rate(Schedule::one_cycle, 0.1, 0.3) == doctest::Approx(0.1));
  CHECK(scheduled_rate(Schedule::one_cycle, 0.1, 1) == doctest::Approx(1e-5));
}

TEST_CASE("pretraining whose loss is not finite says so") {
  PretrainSettings settings{.epochs = 20, .batch_size = 8, .learning_rate = 1e6};
  Pretrainer doomed = trainer(settings, start(), 40);
  Recorder nobody;
  const auto train = [&] {
    while (!doomed.finished()) doomed.run_epoch(nobody);
  };
  CHECK_THROWS_AS(train(), TrainingError);
}

}  // namespace cascadecl
