// policy: the stop probability of each image from its label probabilities, in one launch.
//   probabilities [n][CLASSES]   features [n][FEATURES], NULL without any   weights [POLICY_WEIGHTS] (policy_mlp.h)
//   stop_probability [n]
//   work-group = image, LANES work-items
#include "policy_mlp.h"

#ifndef SORTED
#define SORTED 0  // 1: the policy sees the probabilities in descending order; 0: class by class
#endif

POLICY_KERNEL void policy_stop(global const float* probabilities, global const float* features,
                               global const float* weights, global float* stop_probability) {
  local float x[INPUTS], hidden1[HIDDEN], hidden2[HIDDEN];
  local uint keys[CLASSES];
  const size_t image = get_group_id(0);
#if SORTED
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
