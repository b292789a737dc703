// conv_data_strided: gradient of a convolution with stride > 1 by its input; CPU class, vectors of input channels.
//   gradient [N][K/OUT_CB][OH][OW][OUT_CB], by the output   weights [R][S][K][C padded] (pack_weights, not turned:
//   filter tap r, s lies at R-1-r, S-1-s)   dst [N][C/CB][H][W][CB], by the input
//   global id: 0 = input channel block, 1 = image n
//   dst[n,c,y,x] = sum over k,r,s of gradient[n,k,(y+padding-r)/stride,(x+padding-s)/stride] * w[k,c,r,s]
//   where both quotients are whole and inside
#include "common.h"

#ifndef OUT_CB
#define OUT_CB CB  // channel block of the output
#endif
#ifndef C_CHANNELS
#define C_CHANNELS 16
#endif
#ifndef K_CHANNELS
#define K_CHANNELS 32
#endif
#ifndef HEIGHT
#define HEIGHT 32  // of the input
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#ifndef OUT_HEIGHT
#define OUT_HEIGHT 16
#endif
#ifndef OUT_WIDTH
#define OUT_WIDTH 16
#endif
#ifndef KERNEL_H
#define KERNEL_H 1
#endif
#ifndef KERNEL_W
#define KERNEL_W 1
#endif
#ifndef STRIDE
#define STRIDE 2
#endif
#ifndef PADDING
#define PADDING 0
#endif
#ifndef TILE_W
#define TILE_W 4  // pixels of a row, STRIDE apart, whose sums are held in registers: the same taps contribute to them
#endif

#define C_BLOCKS DIV_UP(C_CHANNELS, CB)
#define C_PADDED (C_BLOCKS * CB)

CPU_KERNEL void conv_data_strided(global const float* restrict gradient, global const float* restrict weights,
                                  global float* restrict dst) {
  const int c = get_global_id(0), n = get_global_id(1);
  gradient += (size_t)n * DIV_UP(K_CHANNELS, OUT_CB) * OUT_HEIGHT * OUT_WIDTH * OUT_CB;
  dst += (size_t)(n * C_BLOCKS + c) * HEIGHT * WIDTH * CB;
  for (int y = 0; y < HEIGHT; ++y) {
    for (int tile = 0; tile < STRIDE * DIV_UP(WIDTH, STRIDE * TILE_W); ++tile) {
      const int x0 = tile / STRIDE * STRIDE * TILE_W + tile % STRIDE;  // the tile's pixels are x0 + STRIDE * t
      VEC sum[TILE_W];
#pragma unroll
      for (int t = 0; t < TILE_W; ++t) sum[t] = (VEC)(0.0f);
      for (int r = (y + PADDING) % STRIDE; r < KERNEL_H; r += STRIDE) {
        const int oy = (y + PADDING - r) / STRIDE;
        if (y + PADDING < r || oy >= OUT_HEIGHT) continue;
        for (int s = (x0 + PADDING) % STRIDE; s < KERNEL_W; s += STRIDE) {
          const int ox0 = (x0 + PADDING - s) / STRIDE;
          global const float* w =
              weights + ((size_t)((KERNEL_H - 1 - r) * KERNEL_W + KERNEL_W - 1 - s) * K_CHANNELS) * C_PADDED + c * CB;
          global const float* in = gradient + oy * OUT_WIDTH * OUT_CB;
          for (int k = 0; k < K_CHANNELS; ++k) {
            const VEC w_k = VLOAD(w + k * C_PADDED);
            global const float* in_k = in + (size_t)(k / OUT_CB) * OUT_HEIGHT * OUT_WIDTH * OUT_CB + k % OUT_CB;
#pragma unroll
            for (int t = 0; t < TILE_W; ++t) {
              const int ox = ox0 + t;
              const float d = ox >= 0 && ox < OUT_WIDTH ? in_k[ox * OUT_CB] : 0.0f;
              sum[t] = fma((VEC)(d), w_k, sum[t]);
            }
          }
        }
      }
#pragma unroll
      for (int t = 0; t < TILE_W; ++t) {
        const int x = x0 + STRIDE * t;
        if (x < WIDTH) STORE_GLOBAL(sum[t], dst + (y * WIDTH + x) * CB);
      }
    }
  }
}
