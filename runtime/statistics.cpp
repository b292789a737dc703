#include "runtime/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace cascadecl {
namespace {

double count(const Sample& sample) { return static_cast<double>(sample.values.size()); }

// Linear between the ordered values, as of most programs (type 7 of Hyndman and Fan 1996).
double quantile(const std::vector<double>& ordered, double share) {
  const double at = share * static_cast<double>(ordered.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, ordered.size() - 1);
  return ordered[below] + (at - static_cast<double>(below)) * (ordered[above] - ordered[below]);
}

std::vector<double> ordered(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values;
}

// t with 2.5 % above it.
double t_975(double degrees_of_freedom) {
  return quantile(boost::math::complement(boost::math::students_t(degrees_of_freedom), 0.025));
}

}  // namespace

double Sample::mean() const { return std::accumulate(values.begin(), values.end(), 0.0) / count(*this); }

double Sample::median() const { return quantile(ordered(values), 0.5); }

double Sample::spread() const {
  const auto [least, most] = std::ranges::minmax(values);
  return most - least;
}

double Sample::variance() const {
  if (values.size() < 2) return 0;
  const double center = mean();
  double sum = 0;
  for (const double value : values) sum += (value - center) * (value - center);
  return sum / (count(*this) - 1);
}

std::optional<double> Sample::ci95() const {
  if (values.size() < 2) return std::nullopt;
  return t_975(count(*this) - 1) * std::sqrt(variance() / count(*this));
}

std::vector<std::size_t> Sample::outliers() const {
  if (values.size() < 4) return {};
  const std::vector<double> in_order = ordered(values);
  const double low = quantile(in_order, 0.25), high = quantile(in_order, 0.75), reach = 1.5 * (high - low);
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < low - reach || values[i] > high + reach) found.push_back(i);
  return found;
}

Difference welch(const Sample& a, const Sample& b) {
  Difference result{b.mean() - a.mean(), {}, {}};
  if (a.values.size() < 2 || b.values.size() < 2) return result;
  const double of_a = a.variance() / count(a), of_b = b.variance() / count(b), error = std::sqrt(of_a + of_b);
  if (!(error > 0)) return {result.mean, 0.0, result.mean == 0 ? 1.0 : 0.0};
  const double freedom = (of_a + of_b) * (of_a + of_b) / (of_a * of_a / (count(a) - 1) + of_b * of_b / (count(b) - 1));
  const boost::math::students_t t(freedom);
  result.ci95 = t_975(freedom) * error;
  result.p_value = 2 * cdf(boost::math::complement(t, std::abs(result.mean) / error));
  return result;
}

}  // namespace cascadecl
