// conv_bias_gradient: gradient of a convolution by its bias.
//   gradient [N][C/CB][H*W][CB], by the output; with PAIR it is dy_scale * gradient + x_scale * pair + constant, by
//   channel, as a batch norm's backward leaves it (batch_norm_prepare.cl)
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
#ifndef PAIR
#define PAIR 0
#endif

// global id: 0 = channel block, 1 = slice of the images
kernel void bias_sums(global const float* restrict gradient, global const float* restrict dy_scale,
                      global const float* restrict constant_, global const float* restrict pair,
                      global const float* restrict x_scale, global float* restrict partial, int images) {
  const int b = get_global_id(0), slice = get_global_id(1);
#if PAIR
  const VEC s = VLOAD(dy_scale + b * CB), ps = VLOAD(x_scale + b * CB), t = VLOAD(constant_ + b * CB);
#endif
  VEC total = (VEC)(0.0f);
  for (int n = slice; n < images; n += SLICES) {
    const size_t image = ((size_t)n * BLOCKS + b) * PIXELS * CB;
    VEC sum = (VEC)(0.0f);
    for (int p = 0; p < PIXELS; ++p) {
      VEC v = VLOAD(gradient + image + p * CB);
#if PAIR
      v = fma(s, v, fma(ps, VLOAD(pair + image + p * CB), t));
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
