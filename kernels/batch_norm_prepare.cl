// batch_norm_prepare: coefficients of batch normalisation in training, forward and backward (Ioffe and Szegedy 2015),
//   from what batch_norm.cl or the convolutions have summed up of each image.
//   moments [N][2][C padded]: mean and sum of squared deviations of each image (see statistics.h)
//   sums    [N][2][C padded]: sums of dy and of dy * (x - mean) of each image
//   Vectors over channels are [C/CB * CB], zero in the padding.
#include "batch_norm.h"

#ifndef PIXELS
#define PIXELS 1024  // H*W
#endif
#ifndef RUNNING_MOMENTUM
#define RUNNING_MOMENTUM 0.1f  // running = (1 - m) * running + m * batch
#endif

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
