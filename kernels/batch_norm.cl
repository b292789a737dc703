// batch_norm: statistics, coefficients and gradients of batch normalisation (Ioffe and Szegedy 2015).
//   Consumers apply y = scale * x + shift while loading (views), so the forward pass only prepares scale and shift.
//   x [N][C/CB][H*W][CB]; vectors over channels are [C/CB * CB], zero in the padding.
//   moments [N][2][C padded]: mean and sum of squared deviations of each image (see statistics.h)
//   sums    [N][2][C padded]: sums of dy and of dy * (x - mean) of each image
#include "common.h"
#include "statistics.h"

#ifndef CHANNELS
#define CHANNELS 16
#endif
#ifndef PIXELS
#define PIXELS 1024  // H*W
#endif
#ifndef EPSILON
#define EPSILON 1e-5f
#endif
#ifndef RUNNING_MOMENTUM
#define RUNNING_MOMENTUM 0.1f  // running = (1 - m) * running + m * batch
#endif
#ifndef PIECE
#define PIECE PIXELS  // pixels of one work-item of bn_backward_apply: all on CPUs, 1 on GPUs
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define PADDED (BLOCKS * CB)

// Channels of a block that are there, from an array without padding.
inline VEC load_channels(global const float* values, int block) {
  float lanes[CB];
  for (int i = 0; i < CB; ++i) lanes[i] = block * CB + i < CHANNELS ? values[block * CB + i] : 0.0f;
  return VLOAD(lanes);
}

inline void store_channels(VEC v, global float* values, int block) {
  float lanes[CB];
  VSTORE(v, lanes);
  for (int i = 0; i < CB && block * CB + i < CHANNELS; ++i) values[block * CB + i] = lanes[i];
}

// global id: 0 = channel block, 1 = image
kernel void bn_moments(global const float* restrict x, global float* restrict moments) {
  const int b = get_global_id(0), n = get_global_id(1);
  x += (size_t)(n * BLOCKS + b) * PIXELS * CB;
  Moments m;
  m.origin = VLOAD(x);
  m.first = m.second = (VEC)(0.0f);
  for (int p = 0; p < PIXELS; ++p) moments_add(&m, VLOAD(x + p * CB));
  VSTORE(moments_mean(&m, PIXELS), moments + ((size_t)n * 2 + 0) * PADDED + b * CB);
  VSTORE(moments_squares(&m, PIXELS), moments + ((size_t)n * 2 + 1) * PADDED + b * CB);
}

// Merges the images' moments in order (Chan, Golub, LeVeque 1979), then scale and shift, and the running statistics.
// global id: 0 = channel block
kernel void bn_prepare(global const float* restrict moments, int images, global const float* restrict gamma,
                       global const float* restrict beta, global float* restrict running_mean,
                       global float* restrict running_variance, global float* restrict scale,
                       global float* restrict shift, global float* restrict mean, global float* restrict inverse_std) {
  const int b = get_global_id(0);
  VEC m = VLOAD(moments + b * CB), squares = VLOAD(moments + PADDED + b * CB);
  for (int n = 1; n < images; ++n) {
    const VEC d = VLOAD(moments + (size_t)n * 2 * PADDED + b * CB) - m;
    const float share = 1.0f / (n + 1);
    m = fma(d, (VEC)(share), m);
    squares += VLOAD(moments + ((size_t)n * 2 + 1) * PADDED + b * CB) + d * d * ((float)PIXELS * n * share);
  }
  const float count = (float)PIXELS * images;
  const VEC variance = squares / count;
  const VEC inverse = (VEC)(1.0f) / sqrt(variance + EPSILON);
  const VEC s = load_channels(gamma, b) * inverse;
  VSTORE(s, scale + b * CB);
  VSTORE(fma(-m, s, load_channels(beta, b)), shift + b * CB);
  VSTORE(m, mean + b * CB);
  VSTORE(inverse, inverse_std + b * CB);
  const VEC unbiased = squares / fmax(count - 1.0f, 1.0f);
  const VEC keep = (VEC)(1.0f - RUNNING_MOMENTUM);
  store_channels(fma(load_channels(running_mean, b), keep, m * RUNNING_MOMENTUM), running_mean, b);
  store_channels(fma(load_channels(running_variance, b), keep, unbiased * RUNNING_MOMENTUM), running_variance, b);
}

// Scale and shift from the running statistics. global id: 0 = channel block
kernel void bn_prepare_frozen(global const float* restrict gamma, global const float* restrict beta,
                              global const float* restrict running_mean, global const float* restrict running_variance,
                              global float* restrict scale, global float* restrict shift, global float* restrict mean,
                              global float* restrict inverse_std) {
  const int b = get_global_id(0);
  const VEC m = load_channels(running_mean, b);
  const VEC inverse = (VEC)(1.0f) / sqrt(load_channels(running_variance, b) + EPSILON);
  const VEC s = load_channels(gamma, b) * inverse;
  VSTORE(s, scale + b * CB);
  VSTORE(fma(-m, s, load_channels(beta, b)), shift + b * CB);
  VSTORE(m, mean + b * CB);
  VSTORE(inverse, inverse_std + b * CB);
}

// dy = gradient by the view's value where its ReLU let it through (VIEW_RELU), in place, and the images' sums.
// global id: 0 = channel block, 1 = image
kernel void bn_backward_sums(global float* restrict dy, global const float* restrict x,
                             global const float* restrict scale, global const float* restrict shift,
                             global const float* restrict mean, global float* restrict sums) {
  const int b = get_global_id(0), n = get_global_id(1);
  const size_t at = (size_t)(n * BLOCKS + b) * PIXELS * CB;
  const VEC s = VLOAD(scale + b * CB), t = VLOAD(shift + b * CB), m = VLOAD(mean + b * CB);
  VEC first = (VEC)(0.0f), second = first;
  for (int p = 0; p < PIXELS; ++p) {
    const VEC v = VLOAD(x + at + p * CB);
    VEC d = VLOAD(dy + at + p * CB);
#if VIEW_RELU
    d = fma(v, s, t) > (VEC)(0.0f) ? d : (VEC)(0.0f);
    VSTORE(d, dy + at + p * CB);
#endif
    first += d;
    second = fma(d, v - m, second);
  }
  VSTORE(first, sums + ((size_t)n * 2 + 0) * PADDED + b * CB);
  VSTORE(second, sums + ((size_t)n * 2 + 1) * PADDED + b * CB);
}

// dx = dy_scale * dy + x_scale * x + constant, from the sums of all images; and the gradients of gamma and beta.
//   dx = scale * (dy - mean(dy) - xhat * mean(dy * xhat)),  xhat = (x - mean) * inverse_std
//   frozen: the statistics are constants, dx = scale * dy; accumulate: adds to the gradients of gamma and beta
// global id: 0 = channel block
kernel void bn_backward_prepare(global const float* restrict sums, int images, global const float* restrict scale,
                                global const float* restrict mean, global const float* restrict inverse_std,
                                global float* restrict dy_scale, global float* restrict x_scale,
                                global float* restrict constant_, global float* restrict gamma_gradient,
                                global float* restrict beta_gradient, int frozen, int accumulate) {
  const int b = get_global_id(0);
  VEC first = (VEC)(0.0f), second = first;
  for (int n = 0; n < images; ++n) {
    first += VLOAD(sums + (size_t)n * 2 * PADDED + b * CB);
    second += VLOAD(sums + ((size_t)n * 2 + 1) * PADDED + b * CB);
  }
  const VEC s = VLOAD(scale + b * CB), m = VLOAD(mean + b * CB), inverse = VLOAD(inverse_std + b * CB);
  const float count = (float)PIXELS * images;
  VEC slope = (VEC)(0.0f), offset = slope;
  if (!frozen) {
    slope = -s * inverse * inverse * second / count;
    offset = fma(-slope, m, -s * first / count);
  }
  VSTORE(s, dy_scale + b * CB);
  VSTORE(slope, x_scale + b * CB);
  VSTORE(offset, constant_ + b * CB);
  VEC by_gamma = second * inverse, by_beta = first;
  if (accumulate) {
    by_gamma += load_channels(gamma_gradient, b);
    by_beta += load_channels(beta_gradient, b);
  }
  store_channels(by_gamma, gamma_gradient, b);
  store_channels(by_beta, beta_gradient, b);
}

// dx = dy_scale * dy + x_scale * x + constant (+ base, if there is one); dx may be base or dy. global id: 0 = piece
// of PIECE pixels, 1 = image * BLOCKS + channel block
kernel void bn_backward_apply(global const float* dy, global const float* restrict x,
                              global const float* restrict dy_scale, global const float* restrict x_scale,
                              global const float* restrict constant_, global const float* base, global float* dx) {
  const int begin = (int)get_global_id(0) * PIECE, b = get_global_id(1) % BLOCKS;
  const size_t at = get_global_id(1) * PIXELS * CB;
  const VEC ds = VLOAD(dy_scale + b * CB), xs = VLOAD(x_scale + b * CB), c = VLOAD(constant_ + b * CB);
  for (int p = begin; p < min(begin + PIECE, PIXELS); ++p) {
    VEC v = fma(VLOAD(dy + at + p * CB), ds, fma(VLOAD(x + at + p * CB), xs, c));
    if (base) v += VLOAD(base + at + p * CB);
    VSTORE(v, dx + at + p * CB);
  }
}
