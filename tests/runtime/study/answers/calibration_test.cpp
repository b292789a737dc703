#include "runtime/study/answers/calibration.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <numeric>
#include <random>

#include "data/files/error.h"
#include "runtime/network/zoo.h"
#include "runtime/study/answers/reliability.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"

namespace cascadecl {
namespace {

constexpr std::size_t classes = 4;

struct Sample {
  StageProbabilities probabilities;
  std::vector<std::int32_t> labels;
  std::span<const float> rows(std::size_t stage) const {
    const std::size_t n = probabilities.images * classes;
    return std::span<const float>(probabilities.values).subspan(stage * n, n);
  }
};

// Stages whose logits are noisy views of the label; stage s has s + 1 times the signal. The label is drawn from the
// first stage's probabilities, so that this one is calibrated.
Sample make_sample(std::size_t stages, std::size_t images, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal;
  Sample sample{{stages, images, classes, std::vector<float>(stages * images * classes)}, {}};
  for (std::size_t i = 0; i < images; ++i) {
    for (std::size_t s = 0; s < stages; ++s) {
      std::vector<double> p(classes);
      double sum = 0;
      for (std::size_t j = 0; j < classes; ++j) {
        const bool own = s > 0 && static_cast<std::int32_t>(j) == sample.labels.back();
        sum += p[j] = std::exp(1.5 * normal(engine) + (own ? 1.0 + static_cast<double>(s) : 0.0));
      }
      for (std::size_t j = 0; j < classes; ++j)
        sample.probabilities.values[(s * images + i) * classes + j] = static_cast<float>(p[j] / sum);
      if (s > 0) continue;
      double draw = std::uniform_real_distribution<double>(0, sum)(engine);
      std::int32_t label = 0;
      while (label + 1 < static_cast<std::int32_t>(classes) && draw > p[static_cast<std::size_t>(label)])
        draw -= p[static_cast<std::size_t>(label++)];
      sample.labels.push_back(label);
    }
  }
  return sample;
}

TEST_CASE("tempered probabilities are the softmax of the logits divided by the temperature") {
  const std::vector<float> p = {0.7F, 0.2F, 0.1F};
  const std::vector<float> flat = tempered(p, 2);
  const double sum = std::sqrt(0.7) + std::sqrt(0.2) + std::sqrt(0.1);
  for (std::size_t j = 0; j < 3; ++j)
    CHECK(static_cast<double>(flat[j]) == doctest::Approx(std::sqrt(static_cast<double>(p[j])) / sum).epsilon(1e-6));
  CHECK(tempered(p, 1)[0] == doctest::Approx(0.7F).epsilon(1e-6));
  CHECK(std::isfinite(tempered(std::vector<float>{1, 0}, 0.5)[1]));
}

TEST_CASE("a model with temperatures gives tempered probabilities") {
  const ImageShape shape{3, 8, 8};
  Model model = random_model({make_network("resnet-8", shape, 7), make_network("resnet-14", shape, 7)}, 3);
  std::vector<std::uint8_t> pixels(5 * 192);
  std::mt19937 engine(1);
  for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(engine() >> 24);
  const DatasetHeader header{.name = "noise",
                             .dims = {3, 8, 8},
                             .label_names = {"a", "b", "c", "d", "e", "f", "g"},
                             .mean = {0, 0, 0},
                             .std = {1, 1, 1}};
  const MemoryDataset dataset(header, pixels, {0, 1, 2, 3, 4});
  const std::vector<std::int64_t> all = {0, 1, 2, 3, 4};
  const StageProbabilities plain = label_probabilities(model, testing::test_device(), dataset, all);
  model.temperatures = {2.5, 0.5};
  const StageProbabilities warm = label_probabilities(model, testing::test_device(), dataset, all);
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t i = 0; i < 5; ++i) {
      const std::vector<float> expected = tempered(plain.row(k, i), model.temperatures[k]);
      for (std::size_t j = 0; j < 7; ++j) CHECK(warm.row(k, i)[j] == doctest::Approx(expected[j]).epsilon(1e-4));
    }
}

TEST_CASE("the fitted temperature is the best of a fine grid") {
  const Sample sample = make_sample(2, 400, 7);
  double best = 0, least = 1e9;
  for (double t = 0.1; t < 8; t += 0.002) {
    const double nll = negative_log_likelihood(sample.rows(1), sample.labels, t);
    if (nll < least) std::tie(best, least) = std::pair(t, nll);
  }
  CHECK(fit_temperature(sample.rows(1), sample.labels) == doctest::Approx(best).epsilon(0.003));
}

TEST_CASE("labels drawn from the probabilities have temperature 1, and sharpened ones get it back") {
  const Sample sample = make_sample(1, 20000, 3);
  // With 20,000 images the fit's standard error is about 0.01.
  CHECK(fit_temperature(sample.rows(0), sample.labels) == doctest::Approx(1).epsilon(0.04));
  CHECK(reliability(sample.rows(0), sample.labels).expected_calibration_error < 0.02);
  std::vector<float> sharp;
  for (std::size_t i = 0; i < sample.labels.size(); ++i) {
    const std::vector<float> row = tempered(sample.probabilities.row(0, i), 0.4);
    sharp.insert(sharp.end(), row.begin(), row.end());
  }
  CHECK(fit_temperature(sharp, sample.labels) == doctest::Approx(2.5).epsilon(0.04));
  CHECK(reliability(sharp, sample.labels).expected_calibration_error > 0.1);
}

TEST_CASE("the fitted combination is where no weight can be moved to gain") {
  const Sample sample = make_sample(3, 500, 5);
  const CombinationWeights weights = fit_combination(sample.probabilities, sample.labels);
  for (std::size_t k = 0; k < 3; ++k) {
    const double nll = combined_negative_log_likelihood(sample.probabilities, sample.labels, k, weights);
    for (std::size_t t = 0; t < 3; ++t) {
      if (t > k) CHECK(weights[k * 3 + t] == 0);
      for (const double change : {-0.05, 0.05}) {
        if (t > k) continue;
        CombinationWeights moved = weights;
        moved[k * 3 + t] += change;
        CHECK(combined_negative_log_likelihood(sample.probabilities, sample.labels, k, moved) > nll);
      }
    }
  }
}

TEST_CASE("fits are never worse on their images than what they started from") {
  CHECK(rc::check([] {
    const auto seed = *rc::gen::arbitrary<unsigned>();
    const auto images = *rc::gen::inRange<std::size_t>(1, 40);
    const Sample sample = make_sample(2, images, seed);
    const double before = negative_log_likelihood(sample.rows(1), sample.labels);
    const double t = fit_temperature(sample.rows(1), sample.labels);
    RC_ASSERT(negative_log_likelihood(sample.rows(1), sample.labels, t) <= before);
    const CombinationWeights weights = fit_combination(sample.probabilities, sample.labels);
    // Answers are stored as floats, hence the slack.
    RC_ASSERT(combined_negative_log_likelihood(sample.probabilities, sample.labels, 1, weights) <= before + 1e-5);
  }));
}

}  // namespace
}  // namespace cascadecl
