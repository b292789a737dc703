// conv_bias_gradient: gradient of a convolution by its bias.
//   gradient [N][C/CB][H*W][CB], by the output; with DEFERRED it is that behind a batch norm that is not applied
//   yet: dy_scale * gradient + norm_input_scale * norm_input + constant, by channel (batch_norm_prepare.cl)
//   partial [SLICES][C padded]   bias_gradient [C]
//   bias_gradient[c] = sum over n,y,x of gradient[n,c,y,x]
//   The slices of the images are fixed and added in order: the bits do not depend on the number of threads.
#include "channels.h"

#ifndef PIXELS
#define PIXELS 1024  // H*W
#endif
#ifndef SLICES
#define SLICES 8  // independent sums over images
#endif
#ifndef DEFERRED
#define DEFERRED 0
#endif

// global id: 0 = channel block, 1 = slice of the images
kernel void bias_sums(global const float* restrict gradient, global const float* restrict dy_scale,
                      global const float* restrict constant_, global const float* restrict norm_input,
                      global const float* restrict norm_input_scale, global float* restrict partial, int images) {
  const int b = get_global_id(0), slice = get_global_id(1);
#if DEFERRED
  const VEC s = VLOAD(dy_scale + b * CB), ns = VLOAD(norm_input_scale + b * CB), t = VLOAD(constant_ + b * CB);
#endif
  VEC total = (VEC)(0.0f);
  for (int n = slice; n < images; n += SLICES) {
    const size_t image = ((size_t)n * BLOCKS + b) * PIXELS * CB;
    VEC sum = (VEC)(0.0f);
    for (int p = 0; p < PIXELS; ++p) {
      VEC v = VLOAD(gradient + image + p * CB);
#if DEFERRED
      v = fma(s, v, fma(ns, VLOAD(norm_input + image + p * CB), t));
#endif
      sum += v;
    }
    total += sum;
  }
  VSTORE(total, partial + (size_t)slice * PADDED + b * CB);
}

// global id: 0 = channel block
kernel void bias_gradient(global const float* restrict partial, global float* restrict gradient) {
  const int b = get_global_id(0);
  VEC sum = (VEC)(0.0f);
  for (int slice = 0; slice < SLICES; ++slice) sum += VLOAD(partial + (size_t)slice * PADDED + b * CB);
  store_channels(sum, gradient, b);
}
