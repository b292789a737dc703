// grouped_input.h: what a block of output channels of a grouped convolution reads at one pixel.
//   src [N][C/IN_CB][H][W][IN_CB]   scale, shift [C padded], zero in the padding; src lies as ACTIVATION
//   Output channel k belongs to group k / GROUP_OUTPUTS, which reads the GROUP_INPUTS input channels from
//   k / GROUP_OUTPUTS * GROUP_INPUTS on. The i-th of them, for all lanes of an output block, is
//     the same channel  where a block lies in one group
//     a block of src    where each channel is a group of its own (depthwise)
//     gathered by lanes elsewhere
#ifndef GROUPED_INPUT_H
#define GROUPED_INPUT_H
#include "conv_input.h"

#define BLOCK_IN_GROUP (GROUP_OUTPUTS % CB == 0)
#define DEPTHWISE (GROUP_INPUTS == 1 && GROUP_OUTPUTS == 1)

// For output block kb and pixel y, x of image n; zero outside the image.
INLINE VEC load_grouped(global const ACTIVATION* src, global const float* scale, global const float* shift, int n,
                        int kb, int i, int y, int x) {
  if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH) return (VEC)(0.0f);
#if BLOCK_IN_GROUP
  const int c = kb * CB / GROUP_OUTPUTS * GROUP_INPUTS + i;
  return (VEC)(load_input(src, scale, shift, n, c / IN_CB, c % IN_CB, y, x));
#elif DEPTHWISE
  const VEC v = LOAD_ACTIVATION(src + ((((size_t)n * C_BLOCKS + kb) * HEIGHT + y) * WIDTH + x) * CB);
  return view(v, VIEW_VECTOR(scale, kb), VIEW_VECTOR(shift, kb));
#else
  float lanes[CB];
  for (int l = 0; l < CB; ++l) {
    const int k = kb * CB + l, c = k / GROUP_OUTPUTS * GROUP_INPUTS + i;
    lanes[l] = k < K_CHANNELS ? load_input(src, scale, shift, n, c / IN_CB, c % IN_CB, y, x) : 0.0f;
  }
  return VLOAD(lanes);
#endif
}

#endif
