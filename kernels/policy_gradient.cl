// policy_gradient: the stopping policies of a cascade in training.
//   policy_forward: all policies on a batch, with all that a backward pass needs. The loss depends on a policy through
//   its stop logit z alone, so the pass goes backward at once from dz = 1: delta is the gradient of z by the
//   pre-activations of a hidden layer, and the gradient of any loss is a number for each image times that.
//     probabilities [policies or more][rows][CLASSES]   images, first   see stopping.h
//     features [policies][rows * FEATURES], of them [rows][feature_count[policy]]; both NULL without features
//     weights [policies][POLICY_WEIGHTS], see policy_mlp.h
//     input [policies][stride][INPUTS]   hidden1, hidden2, delta1, delta2 [policies][stride][HIDDEN]
//     stop_logit [policies][stride]
//     score_norm [policies][stride] = |gradient of z by the policy's parameters|^2, a sum over its dense layers of
//                (|input of the layer|^2 + 1) |delta of the layer|^2
//     work-group: 0 = image (LANES work-items), 1 = policy - first_policy
//   policy_parameter_gradient: gradient = sum over images of coefficient * gradient of z, images in order.
//     coefficient [policies][stride], the gradient of the loss by z; images with coefficient 0 are not read
//     gradient [policies][POLICY_WEIGHTS]; what pads bias3 is left alone
//     global id: 0 = CB * TILE hidden units, 1 = row of HIDDEN floats in the weights, 2 = policy
#include "policy_mlp.h"
#include "stopping.h"

#ifndef INPUT
#define INPUT 0  // label probabilities: 0 raw, 1 in descending order, 2 randomly permuted for each image and step
#endif

// A random permutation: the order of random keys.
static inline void permuted_input(global const float* probabilities, uint2 seed, uint step, uint image, uint policy,
                                  local uint* keys, local float* x) {
  for (uint i = get_local_id(0); i < CLASSES; i += LANES)
    keys[i] = random_word(seed, step, image, STREAM_PERMUTATION + policy * CLASSES, i);
  permute_by_keys(probabilities, keys, x);
}

// delta2 = gradient of z by the pre-activations of the second hidden layer.
static inline void delta_of_layer2(global const float* weight3, local const float* hidden2, local float* delta2) {
  for (int i = get_local_id(0); i < HIDDEN; i += LANES)
    delta2[i] = hidden2[i] > 0.0f ? weight3[i] - weight3[HIDDEN + i] : 0.0f;
  lanes_meet();
}

static inline void delta_of_layer1(global const float* weight2, local const float* hidden1, local const float* delta2,
                                   local float* delta1) {
  for (int i = get_local_id(0); i < HIDDEN; i += LANES) {
    VEC sum = (VEC)(0.0f);
    for (int o = 0; o < HIDDEN; o += CB) sum = fma(VLOAD(weight2 + i * HIDDEN + o), VLOAD(delta2 + o), sum);
    delta1[i] = hidden1[i] > 0.0f ? sum_of(sum) : 0.0f;
  }
  lanes_meet();
}

static inline float squared_norm(local const float* values, int count) {
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum = fma(values[i], values[i], sum);
  return sum;
}

static inline void keep(local const float* values, int count, global float* to) {
  for (int i = get_local_id(0); i < count; i += LANES) to[i] = values[i];
}

POLICY_KERNEL void policy_forward(global const float* probabilities, global const float* features,
                                  global const int* feature_count, int rows, global const int* images, int first,
                                  global const float* weights, int first_policy, int stride, uint seed_low,
                                  uint seed_high, uint step, global float* input, global float* hidden1,
                                  global float* hidden2, global float* delta1, global float* delta2,
                                  global float* stop_logit, global float* score_norm) {
  local float x[INPUTS], h1[HIDDEN], h2[HIDDEN], d1[HIDDEN], d2[HIDDEN];
  local uint keys[CLASSES];
  const size_t image = get_group_id(0), policy = get_group_id(1) + first_policy, at = policy * stride + image;
  const size_t from = row_of(images, first, image);
  global const float* row = probabilities + (policy * rows + from) * CLASSES;
  global const float* own = weights + policy * POLICY_WEIGHTS;
#if INPUT == 0
  raw_input(row, x);
#elif INPUT == 1
  sorted_input(row, keys, x);
#else
  permuted_input(row, (uint2)(seed_low, seed_high), step, (uint)image, (uint)policy, keys, x);
#endif
#if FEATURES
  const int count = feature_count[policy];
  append_features(features + policy * rows * FEATURES + from * count, count, x);
#endif
  const float z = policy_stop_logit(own, x, h1, h2);
  delta_of_layer2(own + LAYER3, h2, d2);
  delta_of_layer1(own + LAYER2, h1, d2, d1);
  keep(x, INPUTS, input + at * INPUTS);
  keep(h1, HIDDEN, hidden1 + at * HIDDEN);
  keep(h2, HIDDEN, hidden2 + at * HIDDEN);
  keep(d1, HIDDEN, delta1 + at * HIDDEN);
  keep(d2, HIDDEN, delta2 + at * HIDDEN);
  if (get_local_id(0) == 0) {
    stop_logit[at] = z;
    score_norm[at] = (squared_norm(x, INPUTS) + 1.0f) * squared_norm(d1, HIDDEN) +
                     (squared_norm(h1, HIDDEN) + 1.0f) * squared_norm(d2, HIDDEN) +
                     (squared_norm(h2, HIDDEN) + 1.0f) * 2.0f;
  }
}

// to[0 ... CB*TILE) = sum over images of coefficient * factor * delta[image], factor[image * step] or 1 if it is NULL.
static inline void sum_over_images(int n, global const float* coefficient, global const float* factor, int step,
                                   global const float* delta, float sign, global float* to) {
  VEC sum[TILE];
  for (int v = 0; v < TILE; ++v) sum[v] = (VEC)(0.0f);
  for (int image = 0; image < n; ++image) {
    const float c = coefficient[image];
    if (c == 0.0f) continue;
    const VEC scale = (VEC)(factor ? c * factor[image * step] : sign * c);
    for (int v = 0; v < TILE; ++v) sum[v] = fma(scale, VLOAD(delta + (size_t)image * HIDDEN + v * CB), sum[v]);
  }
  for (int v = 0; v < TILE; ++v) VSTORE(sum[v], to + v * CB);
}

static inline float sum_of_coefficients(int n, global const float* coefficient) {
  float sum = 0.0f;
  for (int image = 0; image < n; ++image) sum += coefficient[image];
  return sum;
}

kernel void policy_parameter_gradient(int n, int stride, global const float* coefficient, global const float* input,
                                      global const float* hidden1, global const float* hidden2,
                                      global const float* delta1, global const float* delta2, global float* gradient) {
  const int o = get_global_id(0) * (CB * TILE), row = get_global_id(1);
  const size_t policy = get_global_id(2), image = policy * stride;
  global const float* c = coefficient + image;
  global float* own = gradient + policy * POLICY_WEIGHTS;
  global float* to = own + row * HIDDEN + o;
  if (row <= INPUTS) {
    global const float* factor = row < INPUTS ? input + image * INPUTS + row : 0;
    sum_over_images(n, c, factor, INPUTS, delta1 + image * HIDDEN + o, 1.0f, to);
  } else if (row <= INPUTS + 1 + HIDDEN) {
    const int unit = row - INPUTS - 1;
    global const float* factor = unit < HIDDEN ? hidden1 + image * HIDDEN + unit : 0;
    sum_over_images(n, c, factor, HIDDEN, delta2 + image * HIDDEN + o, 1.0f, to);
  } else {
    const int logit = row - INPUTS - HIDDEN - 2;
    const float sign = logit == 0 ? 1.0f : -1.0f;
    sum_over_images(n, c, 0, 0, hidden2 + image * HIDDEN + o, sign, to);
    if (o == 0) own[BIAS3 + logit] = sign * sum_of_coefficients(n, c);
  }
}
