// stopping.h: what the estimators share: stages, exits, rewards and the random numbers of one step.
//   Label probabilities are [STAGES][rows][CLASSES]; image i of a batch lies in row images[first + i], or, if images is
//   NULL, in row first + i. stop_logit is [STAGES - 1][stride], pi = sigmoid(stop_logit); the last stage always stops.
#ifndef STOPPING_H
#define STOPPING_H
#include "estimator_scalars.h"
#include "philox.h"

#ifndef CLASSES
#define CLASSES 10
#endif
#ifndef STAGES
#define STAGES 3
#endif
#define POLICIES (STAGES - 1)

// Streams of random numbers within a step; a counter is (image, stream + block, step, purpose).
#define PURPOSE_STOPPING 0x73746F70u
#define STREAM_EXIT 0u
#define STREAM_LABEL 0x10000u
#define STREAM_PERMUTATION 0x20000u

static inline uint random_word(uint2 seed, uint step, uint image, uint stream, uint i) {
  const uint4 words = philox4x32_10((uint4)(image, stream + i / 4, step, PURPOSE_STOPPING), seed);
  return i % 4 == 0 ? words.x : i % 4 == 1 ? words.y : i % 4 == 2 ? words.z : words.w;
}

// Uniform in [0, 1), a multiple of 2^-24.
static inline float uniform_of(uint word) { return (float)(word >> 8) * 0x1p-24f; }

static inline size_t row_of(global const int* images, int first, size_t image) {
  return images ? (size_t)images[first + image] : (size_t)first + image;
}

static inline float stop_probability(float z) { return 1.0f / (1.0f + exp(-z)); }
static inline float continue_probability(float z) { return 1.0f / (1.0f + exp(z)); }

// The gradient by z of the entropy -pi log pi - (1 - pi) log(1 - pi): -z pi (1 - pi).
static inline float entropy_gradient(float z) { return -z * stop_probability(z) * continue_probability(z); }

// Whether an image with stop logit z stops at stage t, by its random number for that stage.
static inline bool stops(float z, uint2 seed, uint step, uint image, int t) {
  return uniform_of(random_word(seed, step, image, STREAM_EXIT, (uint)t)) < stop_probability(z);
}

// What counts as a right answer: the true label is among top_k labels. Those are independent draws from the stage's
// probabilities, or, if argmax is 1, its most probable ones; of equally probable ones the first come first.
static inline bool in_top(global const float* row, int label, int top_k) {
  int before = 0;
  for (int c = 0; c < CLASSES; ++c) before += row[c] > row[label] || (row[c] == row[label] && c < label);
  return before < top_k;
}

// The expectation of the error over the labels drawn: (1 - C(label))^top_k.
static inline float expected_error(global const float* row, int label, int top_k, int argmax) {
  if (argmax) return in_top(row, label, top_k) ? 0.0f : 1.0f;
  return pown(1.0f - row[label], top_k);
}

#endif
