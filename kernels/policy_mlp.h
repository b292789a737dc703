// policy_mlp.h: the stopping policy of one image, computed by one work-group of LANES work-items, CB values at a time.
//   dense-relu-dense-relu-dense; the two logits {stop, continue} matter by their difference alone:
//   stop_logit = logit[stop] - logit[continue], stop_probability = softmax(logits)[stop] = sigmoid(stop_logit)
// The weights of one policy lie in one array of POLICY_WEIGHTS floats, input-major:
//   weight1 [INPUTS][HIDDEN]  bias1 [HIDDEN]  weight2 [HIDDEN][HIDDEN]  bias2 [HIDDEN]
//   weight3 [2][HIDDEN]  bias3 [16]
// HIDDEN is padded to a multiple of 16; the padding is zero and has zero gradients. bias3 uses two of its 16 places.
#ifndef POLICY_MLP_H
#define POLICY_MLP_H
#include "common.h"

#ifndef CLASSES
#define CLASSES 10
#endif
#ifndef SEEN
#define SEEN CLASSES  // label probabilities that the policy sees: the first of them, in its own order
#endif
#ifndef FEATURES
#define FEATURES 0  // features of the stage that the policy sees behind the label probabilities
#endif
#ifndef HIDDEN
#define HIDDEN 64  // hidden units, padded: a multiple of 16 and of CB * TILE
#endif
#ifndef LANES
#define LANES 1  // work-items that share an image: 1 on CPUs (with CB wide vectors), 64 on GPUs (with CB = 1)
#endif
#ifndef TILE
#define TILE 1  // vectors of outputs that a work-item sums side by side
#endif

#define INPUTS (SEEN + FEATURES)
#define LAYER1 0
#define LAYER2 ((INPUTS + 1) * HIDDEN)
#define LAYER3 (LAYER2 + (HIDDEN + 1) * HIDDEN)
#define BIAS3 (LAYER3 + 2 * HIDDEN)
#define POLICY_WEIGHTS (BIAS3 + 16)

#define POLICY_KERNEL __attribute__((reqd_work_group_size(LANES, 1, 1))) kernel

static inline void lanes_meet(void) { barrier(CLK_LOCAL_MEM_FENCE); }

static inline float sum_of(VEC v) {
#if CB == 1
  return v;
#else
  float lane[CB];
  VSTORE(v, lane);
  float sum = 0.0f;
  for (int i = 0; i < CB; ++i) sum += lane[i];
  return sum;
#endif
}

// How many of the keys come before key i in descending order; equal keys keep their order. So it is a permutation.
static inline int descending_rank(local const uint* keys, int i) {
  const uint key = keys[i];
  int rank = 0;
  for (int j = 0; j < i; ++j) rank += keys[j] >= key;
  for (int j = i + 1; j < CLASSES; ++j) rank += keys[j] > key;
  return rank;
}

// x[rank of key i] = probabilities[i]. Ends with the lanes together.
static inline void permute_by_keys(global const float* probabilities, local const uint* keys, local float* x) {
  lanes_meet();
  for (int i = get_local_id(0); i < CLASSES; i += LANES) x[descending_rank(keys, i)] = probabilities[i];
  lanes_meet();
}

// The largest SEEN of the keys, which are the bits of floats, in descending order. Floats that are not negative are
// ordered as their bits are. Ends with the lanes together.
static inline void largest_first(local const uint* keys, local float* x) {
  lanes_meet();
  for (int i = get_local_id(0); i < CLASSES; i += LANES) {
    const int rank = descending_rank(keys, i);
    if (rank < SEEN) x[rank] = as_float(keys[i]);
  }
  lanes_meet();
}

static inline void sorted_input(global const float* probabilities, local uint* keys, local float* x) {
  for (int i = get_local_id(0); i < CLASSES; i += LANES) keys[i] = as_uint(probabilities[i]);
  largest_first(keys, x);
}

static inline void raw_input(global const float* probabilities, local float* x) {
  for (int i = get_local_id(0); i < CLASSES; i += LANES) x[i] = probabilities[i];
  lanes_meet();
}

// The first `count` of a stage's features behind the label probabilities, zeros behind them.
static inline void append_features(global const float* features, int count, local float* x) {
  for (int i = get_local_id(0); i < FEATURES; i += LANES) x[SEEN + i] = i < count ? features[i] : 0.0f;
  lanes_meet();
}

// out[o] = max(0, bias[o] + sum over i of in[i] * weight[i][o]); bias follows weight [inputs][HIDDEN].
static inline void dense_relu(local const float* in, int inputs, global const float* weight, local float* out) {
  for (int o = get_local_id(0) * (CB * TILE); o < HIDDEN; o += LANES * CB * TILE) {
    VEC sum[TILE];
    for (int v = 0; v < TILE; ++v) sum[v] = VLOAD(weight + inputs * HIDDEN + o + v * CB);
    for (int i = 0; i < inputs; ++i) {
      for (int v = 0; v < TILE; ++v) sum[v] = fma((VEC)(in[i]), VLOAD(weight + i * HIDDEN + o + v * CB), sum[v]);
    }
    for (int v = 0; v < TILE; ++v) VSTORE(RELU(VEC, sum[v]), out + o + v * CB);
  }
  lanes_meet();
}

// logit[stop] - logit[continue]; every lane gets it.
static inline float stop_logit_of(local const float* hidden2, global const float* weights) {
  global const float* weight3 = weights + LAYER3;
  VEC sum = (VEC)(0.0f);
  for (int i = 0; i < HIDDEN; i += CB)
    sum = fma(VLOAD(hidden2 + i), VLOAD(weight3 + i) - VLOAD(weight3 + HIDDEN + i), sum);
  return sum_of(sum) + weights[BIAS3] - weights[BIAS3 + 1];
}

// The whole policy on the input x [INPUTS]; leaves the activations in hidden1 and hidden2 [HIDDEN].
static inline float policy_stop_logit(global const float* weights, local const float* x, local float* hidden1,
                                      local float* hidden2) {
  dense_relu(x, INPUTS, weights + LAYER1, hidden1);
  dense_relu(hidden1, HIDDEN, weights + LAYER2, hidden2);
  return stop_logit_of(hidden2, weights);
}

static inline float sigmoid(float z) { return 1.0f / (1.0f + exp(-z)); }

#endif
