// conv_grouped: convolution in groups of channels (depthwise included) of any kernel size, stride and padding, and its
// gradient by the input; CPU and GPU class, vectors of output channels.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   dst [N][K/CB][OH][OW][CB]
//   weights [R][S][C/groups][K padded] (conv_weights.cl, pack_weights); src, residual and dst lie as ACTIVATION
//   global id: 0 = which share of the image's tiles (of get_global_size(0)), 1 = output channel block, 2 = image n
//   dst[n,k,y,x] = sum over c,r,s of view(src)[n,group(k)+c,y*stride+r-padding,x*stride+s-padding] * w[k,c,r,s]
//                  (+ bias[k]) (+ residual)
//   SPREAD, RESIDUAL, BIAS: see conv_turned.h.
#include "common.h"
#include "conv_turned.h"
#include "grouped_input.h"

#ifndef TILE_W
#define TILE_W 8  // output columns held in registers
#endif

#define TILES_X DIV_UP(OUT_WIDTH, TILE_W)

// The source row or column at `at` of those that lie SPREAD apart; one outside the image where there are but zeros.
static inline int source_at(int at) { return SPREAD == 1 ? at : at >= 0 && at % SPREAD == 0 ? at / SPREAD : -1; }

kernel void conv_grouped(global const ACTIVATION* restrict src,  //
                         global const float* restrict scale,     // [C padded] of the view, else NULL
                         global const float* restrict shift,     //
                         global const float* restrict weights,   //
                         global const ACTIVATION* residual,      // RESIDUAL: like dst; may be dst itself
                         global ACTIVATION* dst) {
  const int kb = get_global_id(1), n = get_global_id(2);
  for (int tile = get_global_id(0); tile < OUT_HEIGHT * TILES_X; tile += get_global_size(0)) {
    const int y = tile / TILES_X, x0 = tile % TILES_X * TILE_W;
    VEC sum[TILE_W];
#pragma unroll
    for (int t = 0; t < TILE_W; ++t) sum[t] = (VEC)(0.0f);
    for (int r = 0; r < KERNEL_H; ++r) {
      const int in_y = source_at(y * STRIDE + r - PADDING_Y);
      if (in_y < 0 || in_y >= HEIGHT) continue;
      for (int s = 0; s < KERNEL_W; ++s) {
        global const float* w = weights + (size_t)(r * KERNEL_W + s) * GROUP_INPUTS * K_PADDED + kb * CB;
        for (int i = 0; i < GROUP_INPUTS; ++i) {
          const VEC tap = VLOAD(w + i * K_PADDED);
#pragma unroll
          for (int t = 0; t < TILE_W; ++t) {
            const int in_x = source_at((x0 + t) * STRIDE + s - PADDING_X);
            sum[t] = fma(load_grouped(src, scale, shift, n, kb, i, in_y, in_x), tap, sum[t]);
          }
        }
      }
    }
#pragma unroll
    for (int t = 0; t < TILE_W; ++t) {
      if (x0 + t >= OUT_WIDTH) continue;
      const size_t at = ((((size_t)n * K_BLOCKS + kb) * OUT_HEIGHT + y) * OUT_WIDTH + x0 + t) * CB;
      VEC v = sum[t];
#if BIAS
      v += VLOAD(weights + (size_t)KERNEL_H * KERNEL_W * GROUP_INPUTS * K_PADDED + kb * CB);
#endif
#if RESIDUAL
      v += LOAD_ACTIVATION(residual + at);
#endif
      STORE_ACTIVATION(v, dst + at);
    }
  }
}
