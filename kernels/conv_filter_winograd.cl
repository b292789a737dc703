// conv_filter_winograd: gradient of a 3x3, stride 1, padding 1 convolution by its filters, in Winograd's domain; CPU
// class.
//   src [N][C/CB][H][W][CB], read through a view   gradient [N][K/CB][H][W][CB], by the output, or deferred
//   partial [SLICES][C/CB][36][CB][K]: sums over tiles of V (inputs) times A dY A' (output gradients)
//   global id: 0 = group of ITEM_BLOCKS input channel blocks, 1 = slice of the images (n = slice, slice + SLICES, ...)
//   The slices are fixed and filter_gradient adds them in order: the bits do not depend on the number of threads.
#include "common.h"

#ifndef C_BLOCKS
#define C_BLOCKS 1  // input channel blocks
#endif
#ifndef K_BLOCKS
#define K_BLOCKS 1  // output channel blocks
#endif
#ifndef C_CHANNELS
#define C_CHANNELS (C_BLOCKS * CB)
#endif
#ifndef K_CHANNELS
#define K_CHANNELS (K_BLOCKS * CB)
#endif
#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#ifndef SLICES
#define SLICES 8  // independent sums over images
#endif
#ifndef TILE_ROWS
#define TILE_ROWS 2  // rows of tiles transformed together
#endif
#ifndef IMAGE_GROUP
#define IMAGE_GROUP 1  // images transformed together; more than 1 only where TILE_ROWS covers the image
#endif
#ifndef ITEM_BLOCKS
#define ITEM_BLOCKS 1  // input channel blocks of a work-item, which share its gradients; divides C_BLOCKS
#endif
#ifndef C_GROUP
#define C_GROUP 8  // input channels whose sums are held in registers together; divides CB
#endif
#ifndef K_GROUP
#define K_GROUP 1  // gradient channel blocks held in registers together; divides K_BLOCKS
#endif
#ifndef GRADIENT_DEFERRED
#define GRADIENT_DEFERRED 0  // 1: the gradient is deferred (load_rows)
#endif

#include "winograd_input.h"

#define K_PADDED (K_BLOCKS * CB)
#define IMAGE_TILES (TILE_ROWS * TILES_X)
#define STRIPS DIV_UP(TILES_Y, TILE_ROWS)
#define FILTER_TILES (IMAGE_GROUP * IMAGE_TILES)
#define GRADIENT_BLOCKS K_BLOCKS
#define FILTER_C_GROUP C_GROUP
#define FILTER_K_GROUP K_GROUP
#include "winograd_filter.h"

CPU_KERNEL void conv_filter_winograd(global const float* restrict src,               //
                                     global const float* restrict scale,             // [C] of the view, else NULL
                                     global const float* restrict shift,             // [C]
                                     global const float* restrict gradient,          //
                                     global const float* restrict grad_scale,        // GRADIENT_DEFERRED: [K]
                                     global const float* restrict grad_shift,        // GRADIENT_DEFERRED: [K]
                                     global const float* restrict norm_input,        // GRADIENT_DEFERRED: like gradient
                                     global const float* restrict norm_input_scale,  // GRADIENT_DEFERRED: [K]
                                     global float* restrict partial, int images) {
  local VEC rows[(4 * TILE_ROWS + 2) * BORDERED_WIDTH];
  local VEC inputs[ITEM_BLOCKS * 36 * FILTER_TILES];
  local VEC gradients[36 * FILTER_TILES * K_BLOCKS];
  const int c0 = get_global_id(0) * ITEM_BLOCKS, slice = get_global_id(1);
  const int plane = HEIGHT * WIDTH * CB;
  const VEC zero = (VEC)(0.0f);
  partial += (size_t)(slice * C_BLOCKS + c0) * 36 * CB * K_PADDED;
  int first = 1;
  for (int n0 = slice; n0 < images; n0 += SLICES * IMAGE_GROUP) {
    for (int strip = 0; strip < STRIPS; ++strip) {
      for (int i = 0; i < IMAGE_GROUP; ++i) {
        const int n = n0 + i * SLICES;
        if (n >= images) {  // fill up with zeros: they add nothing
          for (int f = 0; f < ITEM_BLOCKS * 36; ++f)
            for (int t = 0; t < IMAGE_TILES; ++t) inputs[(f * IMAGE_GROUP + i) * IMAGE_TILES + t] = zero;
          for (int f = 0; f < 36; ++f)
            for (int t = 0; t < IMAGE_TILES * K_BLOCKS; ++t)
              gradients[(f * IMAGE_GROUP + i) * IMAGE_TILES * K_BLOCKS + t] = zero;
          continue;
        }
        for (int c = 0; c < ITEM_BLOCKS; ++c) {
          global const float* block = src + (size_t)(n * C_BLOCKS + c0 + c) * plane;
          load_rows(block, LOAD_VIEW, block, VIEW_VECTOR(scale, c0 + c), zero, VIEW_VECTOR(shift, c0 + c),
                    strip * TILE_ROWS * 4 - 1, 4 * TILE_ROWS + 2, rows);
          for (int r = 0; r < TILE_ROWS; ++r)
            transform_input(rows + 4 * r * BORDERED_WIDTH,
                            inputs + c * 36 * FILTER_TILES + i * IMAGE_TILES + r * TILES_X, 1, FILTER_TILES);
        }
        for (int k = 0; k < K_BLOCKS; ++k) {
          const size_t block = (size_t)(n * K_BLOCKS + k) * plane;
#if GRADIENT_DEFERRED
          const VEC gs = VLOAD(grad_scale + k * CB), gb = VLOAD(grad_shift + k * CB),
                    ns = VLOAD(norm_input_scale + k * CB);
#else
          const VEC gs = zero, gb = zero, ns = zero;
#endif
          load_rows(gradient + block, GRADIENT_DEFERRED ? LOAD_DEFERRED : LOAD_PLAIN, norm_input + block, gs, ns, gb,
                    strip * TILE_ROWS * 4, 4 * TILE_ROWS, rows);
          for (int t = 0; t < IMAGE_TILES; ++t)
            transform_gradient(rows + t / TILES_X * 4 * BORDERED_WIDTH + t % TILES_X * 4 + 1,
                               gradients + (i * IMAGE_TILES + t) * K_BLOCKS + k);
        }
      }
      for (int c = 0; c < ITEM_BLOCKS; ++c)
        for (int f = 0; f < 36; ++f)
          accumulate(f, inputs + c * 36 * FILTER_TILES, gradients, first, partial + c * 36 * CB * K_PADDED);
      first = 0;
    }
  }
  if (first)  // a slice without images
    for (int i = 0; i < ITEM_BLOCKS * 36 * CB * K_BLOCKS; ++i) STORE_GLOBAL(zero, partial + i * CB);
}

// w_gradient [K][C][3][3] = G' (sum of the slices) G; global id: 0 = input channel, 1 = output channel block
kernel void filter_gradient(global const float* restrict partial, global float* restrict w_gradient) {
  const int c = get_global_id(0), kb = get_global_id(1);
  VEC rows[3][6];
  for (int j = 0; j < 6; ++j) {
    VEC u[6];
    for (int i = 0; i < 6; ++i) {
      u[i] = (VEC)(0.0f);
      for (int slice = 0; slice < SLICES; ++slice)
        u[i] += VLOAD(partial + ((size_t)((slice * C_BLOCKS + c / CB) * 36 + i * 6 + j) * CB + c % CB) * K_PADDED +
                      kb * CB);
    }
    WINOGRAD_FILTER_TRANSPOSED(u[0], u[1], u[2], u[3], u[4], u[5], rows[0][j], rows[1][j], rows[2][j])
  }
  for (int r = 0; r < 3; ++r) {
    VEC g[3];
    WINOGRAD_FILTER_TRANSPOSED(rows[r][0], rows[r][1], rows[r][2], rows[r][3], rows[r][4], rows[r][5], g[0], g[1], g[2])
    for (int s = 0; s < 3; ++s) {
      float lanes[CB];
      VSTORE(g[s], lanes);
      for (int k = 0; k < CB && kb * CB + k < K_CHANNELS; ++k)
        w_gradient[(((kb * CB + k) * C_CHANNELS + c) * 3 + r) * 3 + s] = lanes[k];
    }
  }
}
