// conv_direct: convolution of any kernel size, stride and padding by definition; CPU class, vectors of output channels.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   weights [R][S][C][K padded] (conv_weights.cl, pack_weights)
//   dst [N][K/CB][OH][OW][CB]
//   global id: 0 = image n
//   dst[n,k,y,x] = sum over c,r,s of view(src)[n,c,y*stride+r-padding,x*stride+s-padding] * w[k,c,r,s]   (+ residual)
//   The input rows of one output row are copied once, zero-bordered and with the view applied; then TILE_W columns at a
//   time are held in registers.
#include "common.h"
#include "conv_shape.h"
#include "statistics.h"

#ifndef K_BLOCKS
#define K_BLOCKS 1
#endif
#ifndef PADDING_Y
#define PADDING_Y 1
#endif
#ifndef PADDING_X
#define PADDING_X 1
#endif
#ifndef TILE_W
#define TILE_W 8  // output columns held in registers
#endif
#ifndef RESIDUAL
#define RESIDUAL 0  // 1: residual [N][K/CB][OH][OW][CB] is added to the result
#endif
#ifndef STATISTICS
#define STATISTICS 0  // 1: writes mean and sum of squared deviations of each image and channel (batch norm, training)
#endif

#define K_PADDED (K_BLOCKS * CB)
#define TILES DIV_UP(OUT_WIDTH, TILE_W)
#define COLUMNS ((TILES * TILE_W - 1) * STRIDE + KERNEL_W)

// Copies input row y of all channels to row[COLUMNS][C_CHANNELS], zero where outside the image.
inline void load_row(global const float* src, global const float* scale, global const float* shift, int y,
                     local float* row) {
  for (int x = 0; x < COLUMNS; ++x) {
    const int column = x - PADDING_X;
    const int inside = y >= 0 && y < HEIGHT && column >= 0 && column < WIDTH;
    for (int c = 0; c < C_CHANNELS; ++c) {
      float v = 0.0f;
      if (inside) {
        v = src[((size_t)(c / IN_CB * HEIGHT + y) * WIDTH + column) * IN_CB + c % IN_CB];
#if VIEW_AFFINE
        v = fma(v, scale[c], shift[c]);
#endif
#if VIEW_RELU
        v = v < 0.0f ? 0.0f : v;
#endif
      }
      row[x * C_CHANNELS + c] = v;
    }
  }
}

CPU_KERNEL void conv_direct(global const float* restrict src,      //
                            global const float* restrict scale,    // [C] of the view, else NULL
                            global const float* restrict shift,    // [C]
                            global const float* restrict weights,  //
                            global const float* residual,          // RESIDUAL: like dst; may be dst itself
                            global float* dst,                     //
                            global float* restrict sums            // STATISTICS: [N][2][K padded]
) {
  local float rows[KERNEL_H * COLUMNS * C_CHANNELS];
  const int n = get_global_id(0);
  src += (size_t)n * DIV_UP(C_CHANNELS, IN_CB) * HEIGHT * WIDTH * IN_CB;
  const size_t out_image = (size_t)n * K_BLOCKS * OUT_HEIGHT * OUT_WIDTH * CB;
#if STATISTICS
  Moments moments[K_BLOCKS];
  for (int k = 0; k < K_BLOCKS; ++k) moments[k].origin = moments[k].first = moments[k].second = (VEC)(0.0f);
#endif
  for (int y = 0; y < OUT_HEIGHT; ++y) {
    // Input row i lies at i % KERNEL_H: rows that output row y shares with the one before are there already.
    for (int r = 0; r < KERNEL_H; ++r) {
      if (y > 0 && r < KERNEL_H - STRIDE) continue;
      load_row(src, scale, shift, y * STRIDE + r - PADDING_Y,
               rows + (y * STRIDE + r) % KERNEL_H * COLUMNS * C_CHANNELS);
    }
    for (int k = 0; k < K_BLOCKS; ++k) {
      for (int x0 = 0; x0 < OUT_WIDTH; x0 += TILE_W) {
        VEC sum[TILE_W];
#pragma unroll
        for (int t = 0; t < TILE_W; ++t) sum[t] = (VEC)(0.0f);
        for (int r = 0; r < KERNEL_H; ++r) {
          for (int s = 0; s < KERNEL_W; ++s) {
            local const float* in = rows + ((y * STRIDE + r) % KERNEL_H * COLUMNS + x0 * STRIDE + s) * C_CHANNELS;
            global const float* w = weights + (size_t)(r * KERNEL_W + s) * C_CHANNELS * K_PADDED + k * CB;
            for (int c = 0; c < C_CHANNELS; ++c) {
              const VEC tap = VLOAD(w + c * K_PADDED);
#pragma unroll
              for (int t = 0; t < TILE_W; ++t) sum[t] = fma((VEC)(in[t * STRIDE * C_CHANNELS + c]), tap, sum[t]);
            }
          }
        }
#pragma unroll
        for (int t = 0; t < TILE_W; ++t) {
          if (x0 + t >= OUT_WIDTH) continue;
          const size_t at = out_image + ((size_t)(k * OUT_HEIGHT + y) * OUT_WIDTH + x0 + t) * CB;
          VEC v = sum[t];
#if RESIDUAL
          v += VLOAD(residual + at);
#endif
#if STATISTICS
          if (y == 0 && x0 == 0 && t == 0) moments[k].origin = v;
          moments_add(&moments[k], v);
#endif
          VSTORE(v, dst + at);
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
