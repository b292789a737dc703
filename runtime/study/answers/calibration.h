#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/study/answers/label_probabilities.h"

namespace cascadecl {

// How far label probabilities can be trusted, and how to make them more trustworthy. Rows are [n][classes] with labels
// [n], n >= 1. Probabilities are floats, all sums double. All functions throw ShapeError if the sizes do not fit each
// other.

// Guo et al. 2017: p_j^(1/T) over their sum, which is the softmax of the logits divided by T. T above 1 flattens.
std::vector<float> tempered(std::span<const float> probabilities, double temperature);

// Mean of -log p[label], in nats, at a temperature; a probability of 0 counts as 1e-30.
double negative_log_likelihood(std::span<const float> rows, std::span<const std::int32_t> labels,
                               double temperature = 1);

// The temperature within 0.05..20 with the least negative log-likelihood. It is never worse than 1.
double fit_temperature(std::span<const float> rows, std::span<const std::int32_t> labels);

// Weights of Combine::fitted. Row k minimises the negative log-likelihood of the product of C_0^w_k0 ... C_k^w_kk over
// all images. The problem is convex. Newton's method starts at (0, ..., 0, 1), the last stage's own answer, with a
// small pull towards it; the fit is never worse than that answer.
CombinationWeights fit_combination(const StageProbabilities& probabilities, std::span<const std::int32_t> labels);

// Mean of -log p[label] of the combined answers of images that all stop at `stage`.
double combined_negative_log_likelihood(const StageProbabilities& probabilities, std::span<const std::int32_t> labels,
                                        std::size_t stage, const CombinationWeights& weights);

}  // namespace cascadecl
