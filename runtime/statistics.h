#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace cascadecl {

// A measured quantity: the values of its repetitions, in the order in which they were taken.
struct Sample {
  std::vector<double> values;

  double mean() const;    // of at least one value
  double median() const;  // of at least one value
  double spread() const;  // largest less smallest, of at least one value
  // Sample variance, with n - 1; 0 for a single value.
  double variance() const;
  // Half the width of the mean's 95 % confidence interval, by Student's t with n - 1 degrees of freedom; empty for a
  // single value.
  std::optional<double> ci95() const;
  // Positions of the values more than 1.5 interquartile ranges outside the quartiles (Tukey); none below 4 values.
  std::vector<std::size_t> outliers() const;
};

// b minus a.
struct Difference {
  double mean = 0;
  std::optional<double> ci95;     // half width; empty where a sample has a single value
  std::optional<double> p_value;  // two-sided, of equal means; empty likewise
};

// Welch's t-test: two samples of unequal variance (Welch 1947, with Satterthwaite's degrees of freedom). Equal means
// without variance have p = 1, unequal ones 0. At least one value each.
Difference welch(const Sample& a, const Sample& b);

}  // namespace cascadecl
