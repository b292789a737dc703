// reinforce: the sampled gradient of the expected reward (paper, 3.3), by stop logits and class logits.
//   reinforce_survivors  keep[i] = 1 if image i goes on after stages 0..last, else 0; the exits that reinforce_sample
//                        draws in the same step. Stages are read only as far as an image gets.
//   reinforce_sample     for each image: exit k ~ Pi, labels yhat ~ C_k, reward R = -L(yhat, y) - alpha cost(k),
//                        weight = |gradient of log Pi(k) + log C_k(yhat) by all parameters|^2
//   reinforce_gradient   of -mean over images of (log Pi(k) + log C_k(yhat)) (R - b) - entropy bonus;
//                        b is the baseline, from the rewards and weights of the batch
//   exit_penalty [STAGES] = alpha cost(k)   score_norm [STAGES-1][stride]: see policy_gradient.cl
//   feature_norm [STAGES][stride] = |features before a stage's dense layer|^2, may be NULL (taken as 0)
//   exits [stride]   drawn [top_k][stride]   reward, weight [stride]
//   stop_gradient [STAGES-1][stride]   class_gradient [STAGES][stride][CLASSES] or NULL
//   squared_norms        norms[first + i] = |rows[i]|^2, rows [n][count]
//   global id: 0 = image of the batch
#include "stopping.h"

// The values of `baseline`.
#define BASELINE_NONE 0
#define BASELINE_MEAN 1
#define BASELINE_VARIANCE 2
#define BASELINE_VARIANCE_SPLIT 3

static inline int draw_exit(global const float* stop_logit, int stride, uint2 seed, uint step, uint image) {
  int k = 0;
  while (k < POLICIES && !stops(stop_logit[k * stride + image], seed, step, image, k)) ++k;
  return k;
}

kernel void reinforce_survivors(global const float* stop_logit, int stride, int last, uint seed_low, uint seed_high,
                                uint step, global int* keep) {
  const uint image = get_global_id(0);
  const uint2 seed = (uint2)(seed_low, seed_high);
  int goes_on = 1;
  for (int t = 0; t <= last && goes_on; ++t) goes_on = !stops(stop_logit[t * stride + image], seed, step, image, t);
  keep[image] = goes_on;
}

static inline int draw_label(global const float* row, float uniform) {
  float below = 0.0f;
  for (int c = 0; c < CLASSES - 1; ++c) {
    below += row[c];
    if (uniform < below) return c;
  }
  return CLASSES - 1;
}

// Draws top_k labels; returns the error: 1 if none of them is the true one (or, if argmax, none of the most probable).
static inline float draw_error(EstimatorScalars s, global const float* row, int label, uint image, global int* drawn) {
  const uint2 seed = (uint2)(s.seed_low, s.seed_high);
  float error = 1.0f;
  for (int d = 0; d < s.top_k; ++d) {
    const int yhat = draw_label(row, uniform_of(random_word(seed, s.step, image, STREAM_LABEL, (uint)d)));
    drawn[d * s.stride + image] = yhat;
    if (yhat == label) error = 0.0f;
  }
  return s.argmax ? expected_error(row, label, s.top_k, 1) : error;
}

// The gradient by stop logit t of log Pi(k).
static inline float stop_score(float z, int t, int k) { return t < k ? -stop_probability(z) : continue_probability(z); }

// The gradient by class logit c of the sum of log C_k over the labels drawn.
static inline float class_score(global const float* row, int c, int top_k, int stride, uint image,
                                global const int* drawn) {
  float score = -top_k * row[c];
  for (int d = 0; d < top_k; ++d) score += drawn[d * stride + image] == c ? 1.0f : 0.0f;
  return score;
}

kernel void reinforce_sample(EstimatorScalars s, global const float* probabilities, global const int* images,
                             global const int* labels, global const float* exit_penalty, global const float* stop_logit,
                             global const float* score_norm, global const float* feature_norm, global int* exits,
                             global int* drawn, global float* reward, global float* weight) {
  const uint image = get_global_id(0);
  const size_t place = row_of(images, s.first, image);
  const int k = draw_exit(stop_logit, s.stride, (uint2)(s.seed_low, s.seed_high), s.step, image);
  global const float* row = probabilities + ((size_t)k * s.rows + place) * CLASSES;
  exits[image] = k;
  reward[image] = -draw_error(s, row, labels[place], image, drawn) - exit_penalty[k];
  float sum = 0.0f;
  for (int t = 0; t < POLICIES && t <= k; ++t) {
    const float score = stop_score(stop_logit[t * s.stride + image], t, k);
    sum = fma(score * score, score_norm[t * s.stride + image], sum);
  }
  if (s.learn_classes) {
    float norm = 0.0f;
    for (int c = 0; c < CLASSES; ++c) {
      const float score = class_score(row, c, s.top_k, s.stride, image, drawn);
      norm = fma(score, score, norm);
    }
    sum += norm * (1.0f + (feature_norm ? feature_norm[k * s.stride + image] : 0.0f));
  }
  weight[image] = sum;
}

// Weighted: sum of weight R / sum of weight over images begin..end-1; the mean of R if not weighted or
// if the weights are all zero; 0 of no images.
static inline float baseline_of(global const float* reward, global const float* weight, int begin, int end,
                                bool weigh) {
  float weighted = 0.0f, weights = 0.0f, sum = 0.0f;
  for (int i = begin; i < end; ++i) {
    weighted = fma(weight[i], reward[i], weighted);
    weights += weight[i];
    sum += reward[i];
  }
  if (weigh && weights > 0.0f) return weighted / weights;
  return end > begin ? sum / (float)(end - begin) : 0.0f;
}

static inline float baseline_for(int image, int n, int baseline, global const float* reward,
                                 global const float* weight) {
  const int half_size = n / 2;
  if (baseline == BASELINE_NONE) return 0.0f;
  if (baseline != BASELINE_VARIANCE_SPLIT) return baseline_of(reward, weight, 0, n, baseline == BASELINE_VARIANCE);
  if (image < half_size) return baseline_of(reward, weight, half_size, n, true);
  return baseline_of(reward, weight, 0, half_size, true);
}

kernel void reinforce_gradient(EstimatorScalars s, global const float* probabilities, global const int* images,
                               global const float* stop_logit, global const int* exits, global const int* drawn,
                               global const float* reward, global const float* weight, global float* stop_gradient,
                               global float* class_gradient) {
  const int image = get_global_id(0);
  const int k = exits[image];
  const float advantage = reward[image] - baseline_for(image, s.images, s.baseline, reward, weight);
  for (int t = 0; t < POLICIES; ++t) {
    float ascent = 0.0f;
    if (t <= k) {
      const float z = stop_logit[t * s.stride + image];
      ascent = stop_score(z, t, k) * advantage + s.entropy * entropy_gradient(z);
    }
    stop_gradient[t * s.stride + image] = -ascent / (float)s.images;
  }
  if (!class_gradient) return;
  const size_t place = row_of(images, s.first, (size_t)image);
  for (int t = 0; t < STAGES; ++t) {
    global const float* row = probabilities + ((size_t)t * s.rows + place) * CLASSES;
    global float* to = class_gradient + ((size_t)t * s.stride + image) * CLASSES;
    for (int c = 0; c < CLASSES; ++c)
      to[c] = t == k ? -advantage / (float)s.images * class_score(row, c, s.top_k, s.stride, (uint)image, drawn) : 0.0f;
  }
}

kernel void squared_norms(global const float* rows, int count, global float* norms, int first) {
  const size_t image = get_global_id(0);
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum = fma(rows[image * count + i], rows[image * count + i], sum);
  norms[first + image] = sum;
}
