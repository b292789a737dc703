#include "runtime/cascade/combine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"

namespace cascadecl {
namespace {

using Rows = std::span<const std::span<const float>>;

// Sum of w_t C_t. Returns the sum of the weights.
double mix(Rows rows, std::span<const float> weights, std::vector<double>& sum) {
  double total = 0;
  for (std::size_t t = 0; t < rows.size(); ++t) {
    const double weight = weights[t];
    total += weight;
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += weight * rows[t][j];
  }
  return total;
}

// Product of C_t^w_t, scaled so that the largest is 1. Returns the sum.
double pool(Rows rows, std::span<const double> weights, std::vector<double>& sum) {
  for (std::size_t t = 0; t < rows.size(); ++t)
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += weights[t] * log_probability(rows[t][j]);
  const double largest = *std::ranges::max_element(sum);
  double total = 0;
  for (double& value : sum) total += value = std::exp(value - largest);
  return total;
}

}  // namespace

double log_probability(float probability) { return std::log(std::max(static_cast<double>(probability), 1e-30)); }

std::string_view to_string(Combine combine) {
  switch (combine) {
    case Combine::reweight:
      return "reweight";
    case Combine::last:
      return "last";
    case Combine::fitted:
      return "fitted";
  }
  return "unknown";
}

Combine parse_combine(std::string_view text) {
  for (const Combine combine : {Combine::reweight, Combine::last, Combine::fitted})
    if (text == to_string(combine)) return combine;
  throw UsageError(fmt::format("combine '{}': expected reweight, last or fitted", text));
}

Combiner::Combiner(Combine rule, std::size_t stages, const CombinationWeights& weights)
    : rule_(rule), stages_(stages), weights_(weights) {
  if (rule != Combine::fitted) return;
  if (weights.empty())
    throw UsageError("--combine fitted: the model holds no fitted weights; cascadecl calibrate fits them");
  if (weights.size() != stages * stages)
    throw ShapeError(
        fmt::format("combination: {} weights for {} stages, expected {}", weights.size(), stages, stages * stages));
}

void Combiner::operator()(Rows rows, std::span<const float> stop_probability, std::span<float> answer) const {
  const std::size_t exit = rows.size() - 1;
  std::vector<double> sum(answer.size());
  double total = 0;
  if (rule_ == Combine::reweight) total = mix(rows, stop_probability, sum);
  if (rule_ == Combine::fitted)
    total = pool(rows, std::span<const double>(weights_).subspan(exit * stages_, exit + 1), sum);
  if (!(total > 0)) return static_cast<void>(std::ranges::copy(rows[exit], answer.begin()));
  std::ranges::transform(sum, answer.begin(), [&](double value) { return static_cast<float>(value / total); });
}

void pool_earlier(Rows rows, const CombinationWeights& weights, std::span<float> sum) {
  const std::span<const double> own = std::span(weights).subspan(rows.size() * stages_of(weights), rows.size());
  for (std::size_t j = 0; j < sum.size(); ++j) {
    double total = 0;
    for (std::size_t t = 0; t < rows.size(); ++t) total += own[t] * log_probability(rows[t][j]);
    sum[j] = static_cast<float>(total);
  }
}

std::size_t stages_of(const CombinationWeights& weights) {
  return static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(weights.size()))));
}

CombinationWeights own_answers(std::size_t stages) {
  CombinationWeights weights(stages * stages);
  for (std::size_t k = 0; k < stages; ++k) weights[k * stages + k] = 1;
  return weights;
}

int rank_of(std::span<const float> probabilities, std::int32_t label) {
  const auto own = static_cast<std::size_t>(label);
  if (std::isnan(probabilities[own])) return static_cast<int>(probabilities.size());
  int rank = 0;
  for (std::size_t j = 0; j < probabilities.size(); ++j) {
    rank += probabilities[j] > probabilities[own] || (probabilities[j] == probabilities[own] && j < own);
  }
  return rank;
}

}  // namespace cascadecl
