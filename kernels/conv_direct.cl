// conv_direct: convolution of any kernel size, stride and padding by definition; CPU class, vectors of output channels.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   weights [R][S][C][K padded] (conv_weights.cl, pack_weights)
//   dst [N][K/CB][OH][OW][CB]
//   global id: 0 = image n
//   dst[n,k,y,x] = sum over c,r,s of view(src)[n,c,y*stride+r-padding,x*stride+s-padding] * w[k,c,r,s]
//                  (+ bias[k]) (+ residual)
//   The input rows of one output row are copied once, zero-bordered and with the view applied; then TILE_W columns at a
//   time are held in registers.
#include "common.h"
#include "conv_shape.h"
#include "statistics.h"

#ifndef K_BLOCKS
#define K_BLOCKS 1
#endif
#ifndef RESIDUAL
#define RESIDUAL 0  // 1: residual [N][K/CB][OH][OW][CB] is added to the result
#endif
#ifndef BIAS
#define BIAS 0  // 1: the bias [K padded] behind the weights is added to the result
#endif
#ifndef STATISTICS
#define STATISTICS 0  // 1: writes mean and sum of squared deviations of each image and channel (batch norm, training)
#endif

#define K_PADDED (K_BLOCKS * CB)

// For direct.h: the whole convolution.
#define SRC_CHANNELS C_CHANNELS
#define SRC_CB IN_CB
#define SRC_HEIGHT HEIGHT
#define SRC_WIDTH WIDTH
#define DST_WIDTH OUT_WIDTH
#include "direct.h"

CPU_KERNEL void conv_direct(global const ACTIVATION* restrict src,  //
                            global const float* restrict scale,     // [C] of the view, else NULL
                            global const float* restrict shift,     // [C]
                            global const float* restrict weights,   //
                            global const ACTIVATION* residual,      // RESIDUAL: like dst; may be dst itself
                            global ACTIVATION* dst,                 //
                            global float* restrict sums             // STATISTICS: [N][2][K padded]
) {
  local SRC_VEC rows[KERNEL_H * ROW_COLUMNS * SRC_BLOCKS];
  const int n = get_global_id(0);
  src += (size_t)n * SRC_BLOCKS * HEIGHT * WIDTH * IN_CB;
  const size_t out_image = (size_t)n * K_BLOCKS * OUT_HEIGHT * OUT_WIDTH * CB;
#if STATISTICS
  Moments moments[K_BLOCKS];
  for (int k = 0; k < K_BLOCKS; ++k) moments[k].origin = moments[k].first = moments[k].second = (VEC)(0.0f);
#endif
  for (int y = 0; y < OUT_HEIGHT; ++y) {
    advance_rows(src, scale, shift, y, rows);
    for (int k = 0; k < K_BLOCKS; ++k) {
      for (int x0 = 0; x0 < OUT_WIDTH; x0 += TILE_W) {
        VEC sum[TILE_W];
        direct_tile(rows, y, x0, weights + k * CB, sum);
#pragma unroll
        for (int t = 0; t < TILE_W; ++t) {
          if (x0 + t >= OUT_WIDTH) continue;
          const size_t at = out_image + ((size_t)(k * OUT_HEIGHT + y) * OUT_WIDTH + x0 + t) * CB;
          VEC v = sum[t];
#if BIAS
          v += VLOAD(weights + (size_t)KERNEL_H * KERNEL_W * C_CHANNELS * K_PADDED + k * CB);
#endif
#if RESIDUAL
          v += LOAD_ACTIVATION(residual + at);
#endif
#if STATISTICS
          if (y == 0 && x0 == 0 && t == 0) moments[k].origin = v;
          moments_add(&moments[k], v);
#endif
          STORE_RESULT(v, dst + at);
        }
      }
    }
  }
#if STATISTICS
  for (int k = 0; k < K_BLOCKS; ++k) {
    VSTORE(moments_mean(&moments[k], OUT_HEIGHT * OUT_WIDTH), sums + ((size_t)n * 2 + 0) * K_PADDED + k * CB);
    VSTORE(moments_squares(&moments[k], OUT_HEIGHT * OUT_WIDTH), sums + ((size_t)n * 2 + 1) * K_PADDED + k * CB);
  }
#endif
}
