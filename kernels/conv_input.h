// conv_input.h: one element of a convolution's input, read through the view; zero outside the image.
//   src [N][C/IN_CB][H][W][IN_CB]   scale, shift [C padded], zero in the padding; src lies as ACTIVATION
#ifndef CONV_INPUT_H
#define CONV_INPUT_H
#include "conv_shape.h"

#define C_BLOCKS DIV_UP(C_CHANNELS, IN_CB)

static inline float load_input(global const ACTIVATION* src, global const float* scale, global const float* shift,
                               int n, int block, int lane, int y, int x) {
  if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH) return 0.0f;
  float v = LOAD_ELEMENT(src + ((((size_t)n * C_BLOCKS + block) * HEIGHT + y) * WIDTH + x) * IN_CB + lane);
#if VIEW_AFFINE
  v = fma(v, scale[block * IN_CB + lane], shift[block * IN_CB + lane]);
#endif
#if VIEW_RELU
  v = RELU(float, v);
#endif
  return v;
}

#endif
