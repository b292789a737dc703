// winograd_product.h: the products and the output side of Winograd's F(4x4,3x3), for a strip of TILE_SLOTS tiles whose
// frequencies lie in local memory as [36][TILE_SLOTS][C_BLOCKS] vectors, FREQUENCY_STEP(C_BLOCKS) from one to the next.
#ifndef WINOGRAD_PRODUCT_H
#define WINOGRAD_PRODUCT_H
#include "common.h"
#include "winograd.h"

#ifndef C_BLOCKS
#define C_BLOCKS 1  // input channel blocks
#endif
#ifndef K_BLOCKS
#define K_BLOCKS 1  // output channel blocks
#endif
#ifndef C_CHANNELS
#define C_CHANNELS (C_BLOCKS * CB)  // input channels that are not padding
#endif
#ifndef TILE_ROWS
#define TILE_ROWS 1  // rows of tiles in a strip
#endif
#ifndef TILE_GROUP
#define TILE_GROUP 8  // tiles whose products are held in registers together
#endif
#ifndef K_GROUP
#define K_GROUP 1  // output channel blocks held in registers together; divides K_BLOCKS
#endif

#define TILES (TILE_ROWS * DIV_UP(WIDTH, 4))
#define GROUPS DIV_UP(TILES, TILE_GROUP)
#define TILE_SLOTS (GROUPS * TILE_GROUP)  // the last group may be filled up
// In vectors. Steps of whole KiB would put one tile's 36 frequencies into a few sets of the cache.
#define FREQUENCY_STEP(blocks) (TILE_SLOTS * (blocks) + (TILE_SLOTS * (blocks)*CB % 256 == 0))
#define STRIPS DIV_UP(DIV_UP(HEIGHT, 4), TILE_ROWS)
#define K_PADDED (K_BLOCKS * CB)
#define WEIGHTS_AHEAD DIV_UP(256, K_PADDED)  // input channels whose weights are on their way to the cache: 1 KiB
#define IN_PLACE (C_BLOCKS == K_BLOCKS && K_GROUP == K_BLOCKS)  // products overwrite the frequencies they came from
#define WHOLE_TILES (HEIGHT % 4 == 0 && WIDTH % 4 == 0)

// sum over c of frequencies[tile][c] * weights[c][k] for one frequency, a group of tiles and of output blocks.
INLINE void multiply_group(local const VEC* frequencies, global const float* weights, local VEC* products) {
  local const float* in = (local const float*)frequencies;
  VEC sum[TILE_GROUP][K_GROUP];
#pragma unroll
  for (int t = 0; t < TILE_GROUP; ++t)
#pragma unroll
    for (int k = 0; k < K_GROUP; ++k) sum[t][k] = (VEC)(0.0f);
#pragma unroll 4
  for (int c = 0; c < C_CHANNELS; ++c) {
    VEC w[K_GROUP];
#pragma unroll
    for (int k = 0; k < K_GROUP; ++k) {
      w[k] = VLOAD(weights + c * K_PADDED + k * CB);
      PREFETCH(weights + (c + WEIGHTS_AHEAD) * K_PADDED + k * CB);
    }
#pragma unroll
    for (int t = 0; t < TILE_GROUP; ++t)
#pragma unroll
      for (int k = 0; k < K_GROUP; ++k) sum[t][k] = fma((VEC)(in[t * C_BLOCKS * CB + c]), w[k], sum[t][k]);
  }
#pragma unroll
  for (int t = 0; t < TILE_GROUP; ++t)
#pragma unroll
    for (int k = 0; k < K_GROUP; ++k) products[t * K_BLOCKS + k] = sum[t][k];
}

// products [36][TILE_SLOTS][K_BLOCKS] of a strip, stepping likewise, those of frequency f; weights [36][C_CHANNELS][K
// padded] transformed (conv_weights.cl).
INLINE void multiply(int f, local const VEC* frequencies, global const float* weights, local VEC* products) {
  for (int g = 0; g < GROUPS; ++g)
    for (int k = 0; k < K_BLOCKS; k += K_GROUP)
      multiply_group(frequencies + f * FREQUENCY_STEP(C_BLOCKS) + g * TILE_GROUP * C_BLOCKS,
                     weights + (size_t)f * C_CHANNELS * K_PADDED + k * CB,
                     products + f * FREQUENCY_STEP(K_BLOCKS) + g * TILE_GROUP * K_BLOCKS + k);
}

// Prefetches the f-th of 36 shares of a strip's rows, all blocks of an image; of the next image's first strip where
// `strip` is behind the last. For the work on one frequency, so that memory is read while there is something to do.
INLINE void prefetch_strip(global const ACTIVATION* image, const int blocks, int strip, int f) {
#if STREAM
  const int plane = HEIGHT * WIDTH * CB, line = 16, lines = DIV_UP(4 * TILE_ROWS * WIDTH * CB, line);
  const int first = strip < STRIPS ? (4 * TILE_ROWS * strip + 1) * WIDTH * CB : blocks * plane;
  const int end = (f + 1) * blocks * lines / 36;
  for (int i = f * blocks * lines / 36; i < end; ++i) PREFETCH(image + first + i / lines * plane + i % lines * line);
#endif
}

// The 4x4 outputs of a tile and channel block; `products` at the tile and block.
INLINE void transform_output(local const VEC* products, VEC* y) {
  VEC z[4][6];
#pragma unroll
  for (int j = 0; j < 6; ++j) {
    const int step = 6 * FREQUENCY_STEP(K_BLOCKS);
    local const VEC* m = products + j * FREQUENCY_STEP(K_BLOCKS);
    const VEC m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step], m5 = m[5 * step];
    WINOGRAD_OUTPUT(m0, m1, m2, m3, m4, m5, z[0][j], z[1][j], z[2][j], z[3][j])
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    WINOGRAD_OUTPUT(z[i][0], z[i][1], z[i][2], z[i][3], z[i][4], z[i][5], y[4 * i], y[4 * i + 1], y[4 * i + 2],
                    y[4 * i + 3])
  }
}

#endif
