// dense: the fully connected layer in plain loops, and the small parts that a matrix library leaves to do.
//   features [N][IN]   weight [OUT][IN]   bias [OUT]   logits, gradient (of the loss by the logits) [N][OUT]
//   dense_forward            logits[n,o] = bias[o] + sum over i of weight[o,i] features[n,i]
//                            global id: 0 = piece of PIECE outputs, 1 = n
//   dense_weight_gradient    weight_gradient[o,i] = sum over n of gradient[n,o] features[n,i]
//                            global id: 0 = piece of CB inputs, 1 = o
//   dense_bias_gradient      bias_gradient[o] = sum over n of gradient[n,o]              global id: 0 = o
//   dense_feature_gradient   feature_gradient[n,i] = sum over o of gradient[n,o] weight[o,i]
//                            global id: 0 = n
//   dense_set_bias           logits[n,o] = bias[o], to which a product is then added     global id: 0 = n
// All sums run in the order of their index, so that a repetition gives the same bits. CB is only a vector width here.
#include "common.h"

#ifndef IN
#define IN 64
#endif
#ifndef OUT
#define OUT 10
#endif
#ifndef PIECE
#define PIECE 16  // outputs of one work-item in dense_forward: many on CPUs, 1 on GPUs
#endif

static inline float dot_product(global const float* a, global const float* b) {
  VEC sums = (VEC)(0.0f);
  int i = 0;
  for (; i + CB <= IN; i += CB) sums = fma(VLOAD(a + i), VLOAD(b + i), sums);
  float lanes[CB];
  VSTORE(sums, lanes);
  float sum = 0.0f;
  for (int lane = 0; lane < CB; ++lane) sum += lanes[lane];
  for (; i < IN; ++i) sum = fma(a[i], b[i], sum);
  return sum;
}

kernel void dense_forward(global const float* features, global const float* weight, global const float* bias,
                          global float* logits) {
  const int begin = (int)get_global_id(0) * PIECE, end = min(begin + PIECE, OUT);
  const size_t n = get_global_id(1);
  for (int o = begin; o < end; ++o)
    logits[n * OUT + o] = dot_product(features + n * IN, weight + (size_t)o * IN) + bias[o];
}

kernel void dense_weight_gradient(global const float* features, global const float* gradient,
                                  global float* weight_gradient, int images) {
  const int begin = (int)get_global_id(0) * CB, o = get_global_id(1);
  global float* to = weight_gradient + (size_t)o * IN;
  if (begin + CB <= IN) {
    VEC sum = (VEC)(0.0f);
    for (size_t n = 0; n < (size_t)images; ++n)
      sum = fma((VEC)(gradient[n * OUT + o]), VLOAD(features + n * IN + begin), sum);
    VSTORE(sum, to + begin);
  } else {
    for (int i = begin; i < IN; ++i) {
      float sum = 0.0f;
      for (size_t n = 0; n < (size_t)images; ++n) sum = fma(gradient[n * OUT + o], features[n * IN + i], sum);
      to[i] = sum;
    }
  }
}

kernel void dense_bias_gradient(global const float* gradient, global float* bias_gradient, int images) {
  const int o = get_global_id(0);
  float sum = 0.0f;
  for (size_t n = 0; n < (size_t)images; ++n) sum += gradient[n * OUT + o];
  bias_gradient[o] = sum;
}

kernel void dense_feature_gradient(global const float* gradient, global const float* weight,
                                   global float* feature_gradient) {
  const size_t n = get_global_id(0);
  global const float* row = gradient + n * OUT;
  global float* to = feature_gradient + n * IN;
  int i = 0;
  for (; i + CB <= IN; i += CB) {
    VEC sum = (VEC)(0.0f);
    for (int o = 0; o < OUT; ++o) sum = fma((VEC)(row[o]), VLOAD(weight + (size_t)o * IN + i), sum);
    VSTORE(sum, to + i);
  }
  for (; i < IN; ++i) {
    float sum = 0.0f;
    for (int o = 0; o < OUT; ++o) sum = fma(row[o], weight[(size_t)o * IN + i], sum);
    to[i] = sum;
  }
}

kernel void dense_set_bias(global const float* bias, global float* logits) {
  const size_t n = get_global_id(0);
  for (int o = 0; o < OUT; ++o) logits[n * OUT + o] = bias[o];
}
