// conv_filter_gemm: gradient of a convolution of any kernel size, stride and padding by its filters, as a matrix
// product; GPU class.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   gradient [N][K/CB][OH][OW][CB], the gradient by the output
//   partial [SLICES][R*S][C padded][K_ROW]
//   rows of the product: filter taps, then input channels; columns: output channels; depth: output pixels
//   group id: 0 = tile of TILE_M rows, 1 = tile of TILE_N output channels, 2 = slice of the images
//   partial[slice,r,s,c,k] = sum over n = slice, slice + SLICES, ... and y,x of
//                            view(src)[n,c,y*stride+r-padding,x*stride+s-padding] * gradient[n,k,y,x]
//   The slices are fixed and add_slices adds them in order: the bits do not depend on the number of groups.
#include "common.h"
#include "conv_input.h"
#include "gemm_tile.h"

#ifndef SLICES
#define SLICES 8  // independent sums over images
#endif

#define TAPS (KERNEL_H * KERNEL_W)
#define K_BLOCKS DIV_UP(K_CHANNELS, CB)
#define K_ROW (DIV_UP(K_BLOCKS * CB, 4) * 4)  // output channels of a row of `partial`
#define OUT_PIXELS (OUT_HEIGHT * OUT_WIDTH)
#define VECTORS (TAPS * C_BLOCKS)  // rows in vectors of IN_CB channels

GEMM_KERNEL void conv_filter_gemm(global const float* restrict src,       //
                                  global const float* restrict scale,     // [C padded] of the view, else NULL
                                  global const float* restrict shift,     //
                                  global const float* restrict gradient,  //
                                  global float* restrict partial, int images) {
  local float tile_m[TILE_D * M_STEP], tile_n[TILE_D * N_STEP];
  const int item = get_local_id(0), slice = get_group_id(2);
  const int first_vector = get_group_id(0) * (TILE_M / IN_CB), k_begin = get_group_id(1) * TILE_N;
  const int pixels = slice < images ? DIV_UP(images - slice, SLICES) * OUT_PIXELS : 0;  // of all images of the slice

  GemmSums sums;
  gemm_clear(&sums);
  const int item_m = item % ITEMS_M, item_n = item / ITEMS_M * ITEM_N;
  for (int begin = 0; begin < pixels; begin += TILE_D) {
    // Before the tiles are filled again. At the end of the loop PoCL 6 cannot build it.
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < TILE_M * TILE_D; e += ITEMS) {
      const uint lane = e % IN_CB, d = e / IN_CB % TILE_D, v = e / (IN_CB * TILE_D);
      const int q = begin + d, n = slice + SLICES * (q / OUT_PIXELS), p = q % OUT_PIXELS;
      const int tap = (first_vector + v) / C_BLOCKS, block = (first_vector + v) % C_BLOCKS;
      float value = 0.0f;
      if (q < pixels && first_vector + (int)v < VECTORS)
        value = load_input(src, scale, shift, n, block, lane, p / OUT_WIDTH * STRIDE + tap / KERNEL_W - PADDING,
                           p % OUT_WIDTH * STRIDE + tap % KERNEL_W - PADDING);
      tile_m[d * M_STEP + v * IN_CB + lane] = value;
    }
    for (uint e = item; e < TILE_N * TILE_D; e += ITEMS) {
      const uint lane = e % CB, d = e / CB % TILE_D, v = e / (CB * TILE_D);
      const int q = begin + d, n = slice + SLICES * (q / OUT_PIXELS), block = k_begin / CB + v;
      tile_n[d * N_STEP + v * CB + lane] =
          q < pixels && block < K_BLOCKS
              ? gradient[(((size_t)n * K_BLOCKS + block) * OUT_PIXELS + q % OUT_PIXELS) * CB + lane]
              : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    gemm_add(&sums, tile_m + item_m, tile_n + item_n);
  }

#pragma unroll
  for (int j = 0; j < ITEM_M; ++j) {
    const int row = first_vector * IN_CB + item_m + j * ITEMS_M;
    if (row >= VECTORS * IN_CB) continue;
#pragma unroll
    for (int v = 0; v < ITEM_VECTORS; ++v) {
      const int k = k_begin + item_n + v * 4;
      if (k < K_ROW) vstore4(sums.sum[j][v], 0, partial + ((size_t)slice * VECTORS * IN_CB + row) * K_ROW + k);
    }
  }
}

// w_gradient [K][C][R][S] = the slices added in order; global id: 0 = output channel, 1 = input channel, 2 = tap
kernel void add_slices(global const float* restrict partial, global float* restrict w_gradient) {
  const int k = get_global_id(0), c = get_global_id(1), tap = get_global_id(2);
  float sum = 0.0f;
  for (int slice = 0; slice < SLICES; ++slice)
    sum += partial[((size_t)(slice * TAPS + tap) * C_BLOCKS * IN_CB + c) * K_ROW + k];
  w_gradient[((size_t)k * C_CHANNELS + c) * TAPS + tap] = sum;
}
