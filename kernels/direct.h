// direct.h: a convolution by definition, row by row of the output, TILE_W pixels by a channel block in registers.
//   It has names of its own for the convolution's shape, below, as the file that includes it may hold convolutions of
//   other shapes. That file defines them first, and K_PADDED, the channels of a row of the weights.
//   The input rows of an output row lie in local memory as a ring, zero-bordered, the view applied:
//   rows [KERNEL_H][ROW_COLUMNS][SRC_BLOCKS] of SRC_VEC; input row i at i % KERNEL_H.
#ifndef DIRECT_H
#define DIRECT_H
#include "common.h"

#ifndef SRC_CHANNELS
#define SRC_CHANNELS 16  // input channels
#endif
#ifndef SRC_CB
#define SRC_CB CB  // channel block of the input
#endif
#ifndef SRC_HEIGHT
#define SRC_HEIGHT 32
#endif
#ifndef SRC_WIDTH
#define SRC_WIDTH 32
#endif
#ifndef DST_WIDTH
#define DST_WIDTH 32
#endif
#ifndef KERNEL_H
#define KERNEL_H 3
#endif
#ifndef KERNEL_W
#define KERNEL_W 3
#endif
#ifndef STRIDE
#define STRIDE 1
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

#if SRC_CB == 1
typedef float SRC_VEC;
#define SRC_VLOAD(p) (*(p))
#else
typedef CAT(float, SRC_CB) SRC_VEC;
#define SRC_VLOAD(p) CAT(vload, SRC_CB)(0, p)
#endif
#define SRC_LOAD(p) CAT(LOAD_BLOCK_, SRC_CB)(p)

#define SRC_BLOCKS DIV_UP(SRC_CHANNELS, SRC_CB)
#define SRC_PADDED (SRC_BLOCKS * SRC_CB)
#define ROW_COLUMNS ((DIV_UP(DST_WIDTH, TILE_W) * TILE_W - 1) * STRIDE + KERNEL_W)

// Copies row y of the input image src [SRC_BLOCKS][SRC_HEIGHT][SRC_WIDTH][SRC_CB] to row[ROW_COLUMNS][SRC_BLOCKS].
INLINE void load_direct_row(global const ACTIVATION* src, global const float* scale, global const float* shift, int y,
                            local SRC_VEC* row) {
  for (int b = 0; b < SRC_BLOCKS; ++b) {
#if VIEW_AFFINE
    const SRC_VEC s = SRC_VLOAD(scale + b * SRC_CB), t = SRC_VLOAD(shift + b * SRC_CB);
#endif
    for (int x = 0; x < ROW_COLUMNS; ++x) {
      if (KERNEL_W < STRIDE && x % STRIDE >= KERNEL_W) continue;  // no output looks at it
      const int column = x - PADDING_X;
      SRC_VEC v = (SRC_VEC)(0.0f);
      if (y >= 0 && y < SRC_HEIGHT && column >= 0 && column < SRC_WIDTH) {
        v = SRC_LOAD(src + ((size_t)(b * SRC_HEIGHT + y) * SRC_WIDTH + column) * SRC_CB);
#if VIEW_AFFINE
        v = fma(v, s, t);
#endif
#if VIEW_RELU
        v = RELU(SRC_VEC, v);
#endif
      }
      row[x * SRC_BLOCKS + b] = v;
    }
  }
}

// Brings the ring from output row y - 1 to output row y.
INLINE void advance_rows(global const ACTIVATION* src, global const float* scale, global const float* shift, int y,
                         local SRC_VEC* rows) {
  for (int r = 0; r < KERNEL_H; ++r) {
    if (y > 0 && r < KERNEL_H - STRIDE) continue;  // shared with the row before
    load_direct_row(src, scale, shift, y * STRIDE + r - PADDING_Y,
                    rows + (y * STRIDE + r) % KERNEL_H * ROW_COLUMNS * SRC_BLOCKS);
  }
}

// sum[TILE_W]: output pixels x0... of row y for the channel block at `weights` [R][S][SRC_CHANNELS][K_PADDED].
INLINE void direct_tile(local const SRC_VEC* rows, int y, int x0, global const float* weights, VEC* sum) {
#pragma unroll
  for (int t = 0; t < TILE_W; ++t) sum[t] = (VEC)(0.0f);
  for (int r = 0; r < KERNEL_H; ++r) {
    for (int s = 0; s < KERNEL_W; ++s) {
      local const float* in =
          (local const float*)rows + ((y * STRIDE + r) % KERNEL_H * ROW_COLUMNS + x0 * STRIDE + s) * SRC_PADDED;
      global const float* w = weights + (size_t)(r * KERNEL_W + s) * SRC_CHANNELS * K_PADDED;
#pragma unroll 4
      for (int c = 0; c < SRC_CHANNELS; ++c) {
        const VEC tap = VLOAD(w + c * K_PADDED);
#pragma unroll
        for (int t = 0; t < TILE_W; ++t) sum[t] = fma((VEC)(in[t * STRIDE * SRC_PADDED + c]), tap, sum[t]);
      }
    }
  }
}

#endif
