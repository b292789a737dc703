#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cascadecl {

// How the answer of an image that stops at stage k is made of the label probabilities C_t of the stages visited.
//   reweight  sum of w_t C_t / sum of w_t, with w_t = pi_t, 1 for the last stage; C_k if all weights are 0 (paper, 4.2)
//   last      C_k
//   fitted    proportional to the product of C_t^w_kt, with weights w_k fitted on held-out images (fit_combination)
enum class Combine { reweight, last, fitted };
std::string_view to_string(Combine combine);
Combine parse_combine(std::string_view text);  // throws UsageError naming the three

// [stages][stages], row k the weights w_k0 ... w_kk of an image that stops at stage k, zeros behind.
using CombinationWeights = std::vector<double>;

// The logarithm of a probability, which counts as 1e-30 if it is less: so it is finite.
double log_probability(float probability);

// Combines with a rule. Probabilities are floats, the sums double.
class Combiner {
 public:
  // weights: for Combine::fitted. Throws UsageError if they are missing, ShapeError if their number is wrong.
  Combiner(Combine rule, std::size_t stages, const CombinationWeights& weights);

  // rows: C_0 ... C_k, each [classes]. stop_probability: pi_0 ... pi_k. answer [classes] is overwritten; sums to 1.
  void operator()(std::span<const std::span<const float>> rows, std::span<const float> stop_probability,
                  std::span<float> answer) const;

 private:
  Combine rule_;
  std::size_t stages_;
  CombinationWeights weights_;
};

// The part of a fitted answer that the stages before exit k = rows.size() contribute: the sum of w_kt log C_t over t <
// k. rows: C_0 ... C_k-1, each [classes]. weights [stages][stages]. sum [classes] is overwritten.
void pool_earlier(std::span<const std::span<const float>> rows, const CombinationWeights& weights,
                  std::span<float> sum);

// The number of stages that weights are for.
std::size_t stages_of(const CombinationWeights& weights);
// Weights by which each stage's own answer counts alone.
CombinationWeights own_answers(std::size_t stages);

// The number of classes that rank above `label` in a row of probabilities: 0 means that the label is the answer. NaN is
// never the answer.
int rank_of(std::span<const float> probabilities, std::int32_t label);

}  // namespace cascadecl
