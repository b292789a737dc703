// combined_loss: the cross-entropy of combined answers, for the stages of a cascade that learn together.
//   A_k = softmax(sum over t <= k of weights[k][t] log C_t)
//   J   = mean over images of sum over k of rho_k (-log A_k[label])
//   combine_answers   answers[k][i] = A_k of image i.   global id: 0 = image, 1 = exit k
//   exit_importance   rho[k][i] = floor + (1 - floor) Pi_k(i) / (mean over the images of Pi_k), with the probability
//                     Pi_k = pi_k * product over t < k of (1 - pi_t) of leaving at k.   global id: 0 = exit k
//   combined_loss     loss[i] = the image's term of J; correct[i] = 1 if label i is the first of the largest values of
//                     the last A_k.   global id: 0 = image
//   combined_gradient gradient[i][c] of scale * (sum of loss) by logit c of stage t, with rho held constant:
//                     scale * sum over k >= t of rho_k weights[k][t] (A_k[c] - (c == label)); the Jacobian of the
//                     softmax adds nothing, since A_k - label sums to 0.   global id: 0 = image, 1 = class
//   probabilities, answers [STAGES][stride][CLASSES]   stop_logit [STAGES - 1][stride]   rho [STAGES][stride]
//   weights [STAGES][STAGES], zeros for t > k   labels int [n]   loss, correct [n]   gradient [n][CLASSES]
#include "stopping.h"

kernel void combine_answers(int stride, global const float* probabilities, global const float* weights,
                            global float* answers) {
  const size_t image = get_global_id(0), k = get_global_id(1), row = (k * stride + image) * CLASSES;
  float largest = -INFINITY, sum = 0.0f;
  for (int c = 0; c < CLASSES; ++c) {
    float score = 0.0f;
    for (size_t t = 0; t <= k; ++t)
      score = fma(weights[k * STAGES + t], log(fmax(probabilities[(t * stride + image) * CLASSES + c], 1e-30f)), score);
    answers[row + c] = score;
    largest = fmax(largest, score);
  }
  for (int c = 0; c < CLASSES; ++c) sum += answers[row + c] = exp(answers[row + c] - largest);
  for (int c = 0; c < CLASSES; ++c) answers[row + c] /= sum;
}

static inline float leaving_probability(global const float* stop_logit, int stride, int image, int k) {
  float probability = k < POLICIES ? stop_probability(stop_logit[k * stride + image]) : 1.0f;
  for (int t = 0; t < k; ++t) probability *= continue_probability(stop_logit[t * stride + image]);
  return probability;
}

kernel void exit_importance(int n, int stride, float floor_share, global const float* stop_logit, global float* rho) {
  const int k = get_global_id(0);
  float sum = 0.0f;
  for (int i = 0; i < n; ++i) sum += rho[k * stride + i] = leaving_probability(stop_logit, stride, i, k);
  const float scale = (1.0f - floor_share) / fmax(sum / (float)n, 1e-6f);
  for (int i = 0; i < n; ++i) rho[k * stride + i] = fma(scale, rho[k * stride + i], floor_share);
}

kernel void combined_loss(int stride, global const float* answers, global const float* rho, global const int* labels,
                          global float* loss, global float* correct) {
  const int image = get_global_id(0), label = labels[image];
  float sum = 0.0f;
  for (int k = 0; k < STAGES; ++k)
    sum -= rho[k * stride + image] * log(fmax(answers[((size_t)k * stride + image) * CLASSES + label], 1e-30f));
  loss[image] = sum;
  correct[image] = in_top(answers + ((size_t)POLICIES * stride + image) * CLASSES, label, 1) ? 1.0f : 0.0f;
}

kernel void combined_gradient(int stride, int stage, float scale, global const float* answers, global const float* rho,
                              global const float* weights, global const int* labels, global float* gradient) {
  const size_t image = get_global_id(0), c = get_global_id(1);
  const float target = c == (size_t)labels[image] ? 1.0f : 0.0f;
  float sum = 0.0f;
  for (int k = stage; k < STAGES; ++k)
    sum = fma(rho[k * stride + image] * weights[k * STAGES + stage],
              answers[((size_t)k * stride + image) * CLASSES + c] - target, sum);
  gradient[image * CLASSES + c] = scale * sum;
}
