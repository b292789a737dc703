// statistics.h: mean and spread of one channel block over the pixels of one image, for batch norm in training.
//   Sums are taken of deviations from `origin`, the image's first pixel, so that large means do not cancel.
//   The result of an image is two vectors: its mean and its sum of squared deviations from that mean.
#ifndef STATISTICS_H
#define STATISTICS_H
#include "common.h"

typedef struct {
  VEC origin, first, second;
} Moments;

static inline void moments_add(Moments* m, VEC value) {
  const VEC d = value - m->origin;
  m->first += d;
  m->second = fma(d, d, m->second);
}

static inline VEC moments_mean(const Moments* m, float count) { return m->origin + m->first / count; }

static inline VEC moments_squares(const Moments* m, float count) {
  const VEC squares = fma(-m->first / count, m->first, m->second);
  return squares < (VEC)(0.0f) ? (VEC)(0.0f) : squares;  // NaN comes through
}

#endif
