// global_average_pool: the mean of each channel of an image, and its gradient.
//   in, in_gradient    [N][C/CB][H][W][CB]   the input is read through a view (common.h)
//   out, out_gradient  [N][C]                plain rows of float, no padding
//   global id: 0 = channel block, 1 = image n
//   out[n,c] = 1/(HW) sum over y,x of in[n,c,y,x]        in_gradient[n,c,y,x] = out_gradient[n,c] / (HW)
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 64
#endif
#ifndef HEIGHT
#define HEIGHT 8
#endif
#ifndef WIDTH
#define WIDTH 8
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define PIXELS (HEIGHT * WIDTH)

kernel void global_average_pool_forward(global const ACTIVATION* in, global const float* scale,
                                        global const float* shift, global float* out) {
  const int block = get_global_id(0);
  const size_t n = get_global_id(1);
  const VEC a = VIEW_VECTOR(scale, block), b = VIEW_VECTOR(shift, block);
  global const ACTIVATION* pixel = in + (n * BLOCKS + block) * PIXELS * CB;
  VEC sum = (VEC)(0.0f);
  for (int y = 0; y < HEIGHT; ++y) {  // sums of rows keep the rounding error of large images small
    VEC row = (VEC)(0.0f);
    for (int x = 0; x < WIDTH; ++x, pixel += CB) row += view(LOAD_ACTIVATION(pixel), a, b);
    sum += row;
  }
  float means[CB];
  VSTORE(sum / (float)PIXELS, means);
  for (int c = 0; c < CB && block * CB + c < CHANNELS; ++c) out[n * CHANNELS + block * CB + c] = means[c];
}

kernel void global_average_pool_backward(global const float* out_gradient, global float* in_gradient) {
  const int block = get_global_id(0);
  const size_t n = get_global_id(1);
  float lanes[CB];
  for (int c = 0; c < CB; ++c)
    lanes[c] = block * CB + c < CHANNELS ? out_gradient[n * CHANNELS + block * CB + c] / (float)PIXELS : 0.0f;
  const VEC gradient = VLOAD(lanes);
  global float* pixel = in_gradient + (n * BLOCKS + block) * PIXELS * CB;
  for (int i = 0; i < PIXELS; ++i, pixel += CB) VSTORE(gradient, pixel);
}
