// policy: the stop probability of each image from its label probabilities, in one launch.
//   probabilities [n][CLASSES]   features [n][FEATURES], NULL without any   weights [POLICY_WEIGHTS] (policy_mlp.h)
//   with INPUT 2 alone: earlier [n][CLASSES], own_weight; the policy sees softmax(earlier + own_weight log p)
//   stop_probability [n]
//   work-group = image, LANES work-items
#include "policy_mlp.h"

#ifndef INPUT
#define INPUT 0  // label probabilities: 0 class by class, 1 in descending order, 2 combined with earlier stages'
#endif

// The combined answer, its largest probabilities first. A probability counts as 1e-30 at least.
static inline void combined_input(global const float* probabilities, global const float* earlier, float own_weight,
                                  local float* scores, local uint* keys, local float* x) {
  for (int i = get_local_id(0); i < CLASSES; i += LANES)
    scores[i] = fma(own_weight, log(fmax(probabilities[i], 1e-30f)), earlier[i]);
  lanes_meet();
  float largest = scores[0], sum = 0.0f;
  for (int i = 1; i < CLASSES; ++i) largest = fmax(largest, scores[i]);
  for (int i = 0; i < CLASSES; ++i) sum += exp(scores[i] - largest);
  for (int i = get_local_id(0); i < CLASSES; i += LANES) keys[i] = as_uint(exp(scores[i] - largest) / sum);
  largest_first(keys, x);
}

POLICY_KERNEL void policy_stop(global const float* probabilities, global const float* features,
                               global const float* weights, global const float* earlier, float own_weight,
                               global float* stop_probability) {
  local float x[INPUTS], hidden1[HIDDEN], hidden2[HIDDEN];
  local uint keys[CLASSES];
  const size_t image = get_group_id(0);
#if INPUT == 2
  local float scores[CLASSES];
  combined_input(probabilities + image * CLASSES, earlier + image * CLASSES, own_weight, scores, keys, x);
#elif INPUT == 1
  sorted_input(probabilities + image * CLASSES, keys, x);
#else
  raw_input(probabilities + image * CLASSES, x);
#endif
#if FEATURES
  append_features(features + image * FEATURES, FEATURES, x);
#endif
  const float stop_logit = policy_stop_logit(weights, x, hidden1, hidden2);
  if (get_local_id(0) == 0) stop_probability[image] = sigmoid(stop_logit);
}
