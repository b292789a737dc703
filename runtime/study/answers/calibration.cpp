#include "runtime/study/answers/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/combine.h"

namespace cascadecl {
namespace {

std::size_t classes_of(std::span<const float> rows, std::span<const std::int32_t> labels) {
  if (labels.empty() || rows.empty() || rows.size() % labels.size() != 0)
    throw ShapeError(fmt::format("calibration: {} probabilities for {} labels", rows.size(), labels.size()));
  return rows.size() / labels.size();
}

// Overwrites scores with the softmax of them; returns log of the sum of exp.
double softmax(std::vector<double>& scores) {
  const double largest = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (double& score : scores) score /= sum;
  return largest + std::log(sum);
}

// Solves a x = b for a symmetric positive definite a [n][n] by Cholesky; overwrites both, b becomes x.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-12)) : sum / a[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

// The negative log-likelihood of pooled answers of exit k as a function of its k + 1 weights.
class PoolingLoss {
 public:
  PoolingLoss(const StageProbabilities& p, std::span<const std::int32_t> labels, std::size_t exit)
      : images_(p.images), classes_(p.classes), inputs_(exit + 1), labels_(labels) {
    logs_.reserve(images_ * inputs_ * classes_);
    for (std::size_t i = 0; i < images_; ++i)
      for (std::size_t t = 0; t < inputs_; ++t)
        for (const float value : p.row(t, i)) logs_.push_back(log_probability(value));
  }

  double value(const std::vector<double>& weights) const {
    double sum = 0;
    for (std::size_t i = 0; i < images_; ++i) {
      std::vector<double> scores = scores_of(i, weights);
      const double own = scores[label(i)];
      sum += softmax(scores) - own;
    }
    return sum / static_cast<double>(images_) + penalty(weights);
  }

  // Newton's step: the negative inverse Hessian times the gradient.
  std::vector<double> step(const std::vector<double>& weights) const {
    std::vector<double> hessian(inputs_ * inputs_), gradient(inputs_), mean(inputs_);
    for (std::size_t i = 0; i < images_; ++i) {
      std::vector<double> share = scores_of(i, weights);
      softmax(share);
      for (std::size_t t = 0; t < inputs_; ++t) {
        mean[t] = 0;
        for (std::size_t j = 0; j < classes_; ++j) mean[t] += share[j] * log(i, t, j);
        gradient[t] += mean[t] - log(i, t, label(i));
      }
      for (std::size_t t = 0; t < inputs_; ++t)
        for (std::size_t s = 0; s <= t; ++s)
          for (std::size_t j = 0; j < classes_; ++j)
            hessian[t * inputs_ + s] += share[j] * (log(i, t, j) - mean[t]) * (log(i, s, j) - mean[s]);
    }
    const auto n = static_cast<double>(images_);
    for (double& value : hessian) value /= n;
    for (std::size_t t = 0; t < inputs_; ++t) {
      gradient[t] = -gradient[t] / n - kPull * (weights[t] - start(t));
      hessian[t * inputs_ + t] += kPull;
    }
    solve(hessian, gradient);
    return gradient;
  }

  double start(std::size_t t) const { return t + 1 == inputs_ ? 1 : 0; }

 private:
  static constexpr double kPull = 1e-4;  // so that weights stay finite where stages never err

  std::size_t label(std::size_t i) const { return static_cast<std::size_t>(labels_[i]); }
  double log(std::size_t i, std::size_t t, std::size_t j) const { return logs_[(i * inputs_ + t) * classes_ + j]; }
  std::vector<double> scores_of(std::size_t i, const std::vector<double>& weights) const {
    std::vector<double> scores(classes_);
    for (std::size_t t = 0; t < inputs_; ++t)
      for (std::size_t j = 0; j < classes_; ++j) scores[j] += weights[t] * log(i, t, j);
    return scores;
  }
  double penalty(const std::vector<double>& weights) const {
    double sum = 0;
    for (std::size_t t = 0; t < inputs_; ++t) sum += (weights[t] - start(t)) * (weights[t] - start(t));
    return 0.5 * kPull * sum;
  }

  std::size_t images_, classes_, inputs_;
  std::span<const std::int32_t> labels_;
  std::vector<double> logs_;  // [images][inputs][classes]
};

// Newton's method with steps halved until the loss falls.
std::vector<double> minimise(const PoolingLoss& loss, std::vector<double> weights) {
  double value = loss.value(weights);
  for (int iteration = 0; iteration < 50; ++iteration) {
    const std::vector<double> step = loss.step(weights);
    const double before = value;
    for (double length = 1; length > 1e-6; length /= 2) {
      std::vector<double> tried = weights;
      for (std::size_t t = 0; t < tried.size(); ++t) tried[t] += length * step[t];
      const double at = loss.value(tried);
      if (!(at < value)) continue;
      value = at;
      weights = std::move(tried);
      break;
    }
    if (!(before - value > 1e-10)) break;
  }
  return weights;
}

}  // namespace

std::vector<float> tempered(std::span<const float> probabilities, double temperature) {
  std::vector<double> scores;
  for (const float p : probabilities) scores.push_back(log_probability(p) / temperature);
  softmax(scores);
  return {scores.begin(), scores.end()};
}

double negative_log_likelihood(std::span<const float> rows, std::span<const std::int32_t> labels, double temperature) {
  const std::size_t classes = classes_of(rows, labels);
  double sum = 0;
  std::vector<double> scores(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::size_t j = 0; j < classes; ++j) scores[j] = log_probability(rows[i * classes + j]) / temperature;
    const double own = scores[static_cast<std::size_t>(labels[i])];
    sum += softmax(scores) - own;
  }
  return sum / static_cast<double>(labels.size());
}

double fit_temperature(std::span<const float> rows, std::span<const std::int32_t> labels) {
  // The loss is convex in 1 / T, hence has one minimum in log T: golden-section search.
  const auto loss = [&](double log_t) { return negative_log_likelihood(rows, labels, std::exp(log_t)); };
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(0.05), high = std::log(20.0);
  double a = high - ratio * (high - low), b = low + ratio * (high - low);
  double at_a = loss(a), at_b = loss(b);
  while (high - low > 1e-5) {
    if (at_a < at_b) {
      high = std::exchange(b, a);
      at_b = at_a;
      a = high - ratio * (high - low);
      at_a = loss(a);
    } else {
      low = std::exchange(a, b);
      at_a = at_b;
      b = low + ratio * (high - low);
      at_b = loss(b);
    }
  }
  const double best = (low + high) / 2;
  return loss(best) < loss(0) ? std::exp(best) : 1;
}

CombinationWeights fit_combination(const StageProbabilities& probabilities, std::span<const std::int32_t> labels) {
  if (labels.empty() || labels.size() != probabilities.images)
    throw ShapeError(fmt::format("combination: {} labels for {} images", labels.size(), probabilities.images));
  const std::size_t stages = probabilities.stages;
  CombinationWeights weights(stages * stages);
  for (std::size_t k = 0; k < stages; ++k) {
    const PoolingLoss loss(probabilities, labels, k);
    std::vector<double> row(k + 1);
    row[k] = 1;
    row = minimise(loss, std::move(row));
    std::ranges::copy(row, weights.begin() + static_cast<std::ptrdiff_t>(k * stages));
  }
  return weights;
}

double combined_negative_log_likelihood(const StageProbabilities& probabilities, std::span<const std::int32_t> labels,
                                        std::size_t stage, const CombinationWeights& weights) {
  const Combiner combine(Combine::fitted, probabilities.stages, weights);
  std::vector<float> answers(probabilities.images * probabilities.classes);
  std::vector<std::span<const float>> rows;
  for (std::size_t i = 0; i < probabilities.images; ++i) {
    rows.clear();
    for (std::size_t t = 0; t <= stage; ++t) rows.push_back(probabilities.row(t, i));
    combine(rows, {}, std::span(answers).subspan(i * probabilities.classes, probabilities.classes));
  }
  return negative_log_likelihood(answers, labels);
}

}  // namespace cascadecl
