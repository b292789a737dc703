// winograd_filter.h: the filter gradient in the domain of Winograd's F(4x4,3x3): the sum over tiles of the inputs'
// frequencies times A dY A', the output gradients'.
//   Needs BORDERED_WIDTH (winograd_input.h), FILTER_TILES: tiles of a sum, GRADIENT_BLOCKS: channel blocks of the
//   gradient.
#ifndef WINOGRAD_FILTER_H
#define WINOGRAD_FILTER_H
#include "common.h"
#include "winograd.h"

#ifndef FILTER_C_GROUP
#define FILTER_C_GROUP 8  // input channels whose sums are held in registers together; divides CB
#endif
#ifndef FILTER_K_GROUP
#define FILTER_K_GROUP 1  // gradient channel blocks held in registers together; divides GRADIENT_BLOCKS
#endif

// A dY A' of a tile into out[36], FILTER_TILES * GRADIENT_BLOCKS vectors apart.
//   gradient  rows of BORDERED_WIDTH, at the tile's first pixel
INLINE void transform_gradient(local const VEC* gradient, local VEC* out) {
  VEC z[6][4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const VEC d0 = gradient[j], d1 = gradient[j + BORDERED_WIDTH], d2 = gradient[j + 2 * BORDERED_WIDTH],
              d3 = gradient[j + 3 * BORDERED_WIDTH];
    WINOGRAD_OUTPUT_TRANSPOSED(d0, d1, d2, d3, z[0][j], z[1][j], z[2][j], z[3][j], z[4][j], z[5][j])
  }
#pragma unroll
  for (int i = 0; i < 6; ++i) {
    const int step = FILTER_TILES * GRADIENT_BLOCKS;
    local VEC* row = out + i * 6 * step;
    WINOGRAD_OUTPUT_TRANSPOSED(z[i][0], z[i][1], z[i][2], z[i][3], row[0], row[step], row[2 * step], row[3 * step],
                               row[4 * step], row[5 * step])
  }
}

// sum[c][k] (+)= sum over tiles of in[tile][c] * out[tile][k], for one frequency and one group of channels.
INLINE void accumulate_group(local const float* in, local const VEC* out, int first, global float* partial) {
  const int row = GRADIENT_BLOCKS * CB;
  VEC sum[FILTER_C_GROUP][FILTER_K_GROUP];
#pragma unroll
  for (int c = 0; c < FILTER_C_GROUP; ++c)
#pragma unroll
    for (int k = 0; k < FILTER_K_GROUP; ++k) sum[c][k] = first ? (VEC)(0.0f) : VLOAD(partial + c * row + k * CB);
#pragma unroll 2
  for (int t = 0; t < FILTER_TILES; ++t) {
    VEC d[FILTER_K_GROUP];
#pragma unroll
    for (int k = 0; k < FILTER_K_GROUP; ++k) d[k] = out[t * GRADIENT_BLOCKS + k];
#pragma unroll
    for (int c = 0; c < FILTER_C_GROUP; ++c)
#pragma unroll
      for (int k = 0; k < FILTER_K_GROUP; ++k) sum[c][k] = fma((VEC)(in[t * CB + c]), d[k], sum[c][k]);
  }
#pragma unroll
  for (int c = 0; c < FILTER_C_GROUP; ++c)
#pragma unroll
    for (int k = 0; k < FILTER_K_GROUP; ++k) STORE_GLOBAL(sum[c][k], partial + c * row + k * CB);
}

// Adds the tiles of one input channel block to partial [36][CB][GRADIENT_BLOCKS * CB], or starts it; for frequency f.
//   inputs [36][FILTER_TILES], gradients [36][FILTER_TILES][GRADIENT_BLOCKS]
INLINE void accumulate(int f, local const VEC* inputs, local const VEC* gradients, int first, global float* partial) {
  for (int c = 0; c < CB; c += FILTER_C_GROUP)
    for (int k = 0; k < GRADIENT_BLOCKS; k += FILTER_K_GROUP)
      accumulate_group((local const float*)(inputs + f * FILTER_TILES) + c,
                       gradients + f * FILTER_TILES * GRADIENT_BLOCKS + k, first,
                       partial + (f * CB + c) * GRADIENT_BLOCKS * CB + k * CB);
}

#endif
