// conv_gemm: convolution of any kernel size, stride and padding as a matrix product, and its gradient by the input; GPU
// class. The matrix of windows is never written: its tiles are gathered into local memory.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   weights [R][S][C][K padded] (conv_weights.cl, pack_weights)
//   dst [N][K/CB][OH][OW][CB]; src, residual and dst lie as ACTIVATION, all else as float
//   rows of the product: output pixels of all images; columns: output channels; depth: filter taps, then channels
//   group id: 0 = tile of TILE_M pixels, 1 = tile of TILE_N output channels, 2 = phase py * SPREAD + px
//   dst[n,k,y,x] = sum over c,r,s of view(src)[n,c,y*stride+r-padding,x*stride+s-padding] * w[k,c,r,s]
//                  (+ bias[k]) (+ residual)
//   SPREAD, RESIDUAL, BIAS: see conv_turned.h. With SPREAD > 1 a phase is the output pixels py + SPREAD * j,
//   px + SPREAD * i: to them the same taps contribute, every SPREAD-th one, and no others are visited.
#include "common.h"
#include "conv_input.h"
#include "conv_turned.h"
#define M_PAD 8  // items that load four channels of eight pixels store to 32 banks
#include "gemm_tile.h"

#define OUT_PIXELS (OUT_HEIGHT * OUT_WIDTH)
#define BIAS_AT ((size_t)KERNEL_H * KERNEL_W * C_CHANNELS * K_PADDED)
#define OUTSIDE (-0x100000)  // a row or column that no tap reaches

// One axis of a phase: output q is phase + SPREAD * j for j < count; its taps are first_tap + SPREAD * t for t < taps
// and read source j * STRIDE + origin + t.
typedef struct {
  int count, first_tap, taps, origin;
} Axis;

static inline Axis phase_axis(int phase, int out_size, int kernel_size, int padding) {
  Axis axis;
  axis.count = DIV_UP(out_size - phase, SPREAD);
  axis.first_tap = ((padding - phase) % SPREAD + SPREAD) % SPREAD;
  axis.taps = max(DIV_UP(kernel_size - axis.first_tap, SPREAD), 0);
  axis.origin = (phase - padding + axis.first_tap) / SPREAD;
  return axis;
}

GEMM_KERNEL void conv_gemm(global const ACTIVATION* restrict src,  //
                           global const float* restrict scale,     // [C padded] of the view, else NULL
                           global const float* restrict shift,     //
                           global const float* restrict weights,   //
                           global const ACTIVATION* residual,      // RESIDUAL: like dst; may be dst itself
                           global ACTIVATION* dst, int images) {
  local float tile_m[TILE_D * M_STEP], tile_n[TILE_D * N_STEP];
  local int image[TILE_M], top[TILE_M], left[TILE_M], place[TILE_M];  // of the tile's pixels; place = y * OW + x
  const int item = get_local_id(0), k_begin = get_group_id(1) * TILE_N, q_begin = get_group_id(0) * TILE_M;
  const int py = SPREAD == 1 ? 0 : get_group_id(2) / SPREAD, px = SPREAD == 1 ? 0 : get_group_id(2) % SPREAD;
  const Axis rows = phase_axis(py, OUT_HEIGHT, KERNEL_H, PADDING_Y);
  const Axis columns = phase_axis(px, OUT_WIDTH, KERNEL_W, PADDING_X);
  const int pixels = rows.count * columns.count;
  // Small phases leave groups without a pixel. They go through without taps: PoCL 3.1 builds a wrong kernel if a return
  // comes before the barriers.
  const int busy = q_begin < images * pixels;

  for (int m = item; m < TILE_M; m += ITEMS) {
    const int q = q_begin + m, inside = q < images * pixels, p = q % max(pixels, 1);
    const int j = p / max(columns.count, 1), i = p % max(columns.count, 1);
    image[m] = inside ? q / max(pixels, 1) : -1;
    top[m] = inside ? j * STRIDE + rows.origin : OUTSIDE;
    left[m] = i * STRIDE + columns.origin;
    place[m] = (j * SPREAD + py) * OUT_WIDTH + i * SPREAD + px;
  }
  barrier(CLK_LOCAL_MEM_FENCE);

  GemmSums sums;
  gemm_clear(&sums);
  const int item_m = item % ITEMS_M, item_n = item / ITEMS_M * ITEM_N;
  const int vectors = busy ? rows.taps * columns.taps * C_BLOCKS : 0;  // of IN_CB channels, in the depth
  for (int begin = 0; begin < vectors; begin += TILE_D / IN_CB) {
    // Before the tiles are filled again. At the end of the loop PoCL 6 cannot build it.
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint e = item; e < TILE_M * TILE_D; e += ITEMS) {
      const uint lane = e % IN_CB, m = e / IN_CB % TILE_M, v = e / (IN_CB * TILE_M);
      const int tap = (begin + v) / C_BLOCKS, block = (begin + v) % C_BLOCKS;
      float value = 0.0f;
      if (begin + (int)v < vectors)
        value = load_input(src, scale, shift, image[m], block, lane, top[m] + tap / columns.taps,
                           left[m] + tap % columns.taps);
      tile_m[(v * IN_CB + lane) * M_STEP + m] = value;
    }
    for (uint e = item; e < TILE_N * TILE_D; e += ITEMS) {
      const uint k = e % TILE_N, d = e / TILE_N, v = d / IN_CB;
      const int tap = (begin + v) / C_BLOCKS, c = (begin + v) % C_BLOCKS * IN_CB + d % IN_CB;
      float value = 0.0f;
      if (begin + (int)v < vectors && c < C_CHANNELS && k_begin + k < K_PADDED) {
        const int r = rows.first_tap + SPREAD * (tap / columns.taps);
        const int s = columns.first_tap + SPREAD * (tap % columns.taps);
        value = weights[((size_t)(r * KERNEL_W + s) * C_CHANNELS + c) * K_PADDED + k_begin + k];
      }
      tile_n[d * N_STEP + k] = value;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    gemm_add(&sums, tile_m + item_m, tile_n + item_n);
  }

#pragma unroll
  for (int j = 0; j < ITEM_M; ++j) {
    const int m = item_m + j * ITEMS_M;
    if (image[m] < 0) continue;
#pragma unroll
    for (int v = 0; v < ITEM_VECTORS; ++v) {
      const int k = k_begin + item_n + v * 4;
      if (k >= K_PADDED) continue;
      const size_t at = (((size_t)image[m] * K_BLOCKS + k / CB) * OUT_PIXELS + place[m]) * CB + k % CB;
      float4 sum = sums.sum[j][v];
#if CB >= 4
#if BIAS
      sum += vload4(0, weights + BIAS_AT + k);
#endif
#if RESIDUAL
      sum += LOAD_BLOCK_4(residual + at);
#endif
      STORE_BLOCK_4(sum, dst + at);
#else
      const float lanes[4] = {sum.x, sum.y, sum.z, sum.w};
      for (int lane = 0; lane < CB; ++lane)
        STORE_ELEMENT(lanes[lane] + (BIAS ? weights[BIAS_AT + k + lane] : 0.0f) +
                          (RESIDUAL ? LOAD_ELEMENT(residual + at + lane) : 0.0f),
                      dst + at + lane);
#endif
    }
  }
}
