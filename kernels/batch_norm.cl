// batch_norm: what batch normalisation does with pixels in training: sums over those of an image, of the CPU class (the
//   GPU's are in batch_norm_groups.cl), and the gradient by its input. batch_norm_prepare.cl goes on with the sums.
//   x [N][C/CB][H*W][CB]; vectors over channels are [C/CB * CB], zero in the padding.
//   moments [N][2][C padded]: mean and sum of squared deviations of each image (see statistics.h)
//   sums    [N][2][C padded]: sums of dy and of dy * (x - mean) of each image
#include "channels.h"
#include "statistics.h"

#ifndef PIXELS
#define PIXELS 1024  // H*W
#endif
#ifndef PIECE
#define PIECE PIXELS  // pixels of one work-item of bn_backward_apply: all on CPUs, 1 on GPUs
#endif

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

// dy = gradient by the view's value where its ReLU let it through (VIEW_ACTIVATION 1), in place, and the images' sums.
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
#if VIEW_ACTIVATION
    d = fma(v, s, t) > (VEC)(0.0f) ? d : (VEC)(0.0f);
    VSTORE(d, dy + at + p * CB);
#endif
    first += d;
    second = fma(d, v - m, second);
  }
  VSTORE(first, sums + ((size_t)n * 2 + 0) * PADDED + b * CB);
  VSTORE(second, sums + ((size_t)n * 2 + 1) * PADDED + b * CB);
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
