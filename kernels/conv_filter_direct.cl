// conv_filter_direct: gradient of a convolution of any kernel size, stride and padding by its filters; CPU class.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   gradient [N][K/CB][OH][OW][CB], the gradient by the output
//   partial [SLICES][K/CB][C][R*S][CB]
//   global id: 0 = group of C_GROUP input channels, 1 = output channel block, 2 = slice of the images
//   The slices are fixed and add_slices adds them in order: the bits do not depend on the number of threads.
#include "common.h"
#include "conv_shape.h"

#ifndef SLICES
#define SLICES 16  // independent sums over images
#endif
#ifndef C_GROUP
#define C_GROUP 4  // input channels held in registers together, times R*S vectors; of one channel block
#endif

#define TAPS (KERNEL_H * KERNEL_W)
#define K_BLOCKS DIV_UP(K_CHANNELS, CB)
#define K_PADDED (K_BLOCKS * CB)

// For direct.h: the rows of one input channel block, that of the group.
#define SRC_CHANNELS IN_CB
#define SRC_CB IN_CB
#define SRC_HEIGHT HEIGHT
#define SRC_WIDTH WIDTH
#define DST_WIDTH OUT_WIDTH
#define PADDING_Y PADDING
#define PADDING_X PADDING
#define TILE_W 1
#include "direct.h"

CPU_KERNEL void conv_filter_direct(global const float* restrict src,       //
                                   global const float* restrict scale,     // [C] of the view, else NULL
                                   global const float* restrict shift,     // [C]
                                   global const float* restrict gradient,  //
                                   global float* restrict partial, int images) {
  local SRC_VEC rows[KERNEL_H * ROW_COLUMNS];
  const int c0 = get_global_id(0) * C_GROUP, k = get_global_id(1), slice = get_global_id(2);
  const int block = c0 / IN_CB, lane = c0 % IN_CB;
#if VIEW_AFFINE
  scale += block * IN_CB;
  shift += block * IN_CB;
#endif
  VEC sum[C_GROUP][TAPS];
#pragma unroll
  for (int i = 0; i < C_GROUP; ++i)
#pragma unroll
    for (int t = 0; t < TAPS; ++t) sum[i][t] = (VEC)(0.0f);
  for (int n = slice; n < images; n += SLICES) {
    global const float* image = src + (size_t)(n * DIV_UP(C_CHANNELS, IN_CB) + block) * HEIGHT * WIDTH * IN_CB;
    global const float* out = gradient + (size_t)(n * K_BLOCKS + k) * OUT_HEIGHT * OUT_WIDTH * CB;
    for (int y = 0; y < OUT_HEIGHT; ++y) {
      advance_rows(image, scale, shift, y, rows);
      local const float* tap_rows[KERNEL_H];
      for (int r = 0; r < KERNEL_H; ++r)
        tap_rows[r] = (local const float*)(rows + (y * STRIDE + r) % KERNEL_H * ROW_COLUMNS) + lane;
      for (int x = 0; x < OUT_WIDTH; ++x) {
        const VEC d = VLOAD(out + (y * OUT_WIDTH + x) * CB);
#pragma unroll
        for (int i = 0; i < C_GROUP; ++i)
#pragma unroll
          for (int t = 0; t < TAPS; ++t)
            sum[i][t] = fma((VEC)(tap_rows[t / KERNEL_W][(x * STRIDE + t % KERNEL_W) * IN_CB + i]), d, sum[i][t]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < C_GROUP; ++i)
#pragma unroll
    for (int t = 0; t < TAPS; ++t)
      if (c0 + i < C_CHANNELS)
        VSTORE(sum[i][t], partial + ((size_t)((slice * K_BLOCKS + k) * C_CHANNELS + c0 + i) * TAPS + t) * CB);
}

// w_gradient [K][C][R][S] = the slices added in order; global id: 0 = input channel, 1 = output channel block
kernel void add_slices(global const float* restrict partial, global float* restrict w_gradient) {
  const int c = get_global_id(0), kb = get_global_id(1);
  for (int t = 0; t < TAPS; ++t) {
    VEC sum = (VEC)(0.0f);
    for (int slice = 0; slice < SLICES; ++slice)
      sum += VLOAD(partial + ((size_t)((slice * K_BLOCKS + kb) * C_CHANNELS + c) * TAPS + t) * CB);
    float lanes[CB];
    VSTORE(sum, lanes);
    for (int k = 0; k < CB && kb * CB + k < K_CHANNELS; ++k)
      w_gradient[((kb * CB + k) * C_CHANNELS + c) * TAPS + t] = lanes[k];
  }
}
