// conv_backward_winograd: both gradients of a 3x3, stride 1, padding 1 convolution in one pass over its images, by
// Winograd's F(4x4,3x3); CPU class. What conv_winograd (MASK) and conv_filter_winograd do, reading everything once.
//   gradient [N][G/CB][H][W][CB], by the output, or deferred   weights [36][G][K] transformed, turned (conv_weights.cl)
//   src [N][K/CB][H][W][CB], the convolution's input, read through a view with a ReLU
//   dst [N][K/CB][H][W][CB], the gradient by the view's affine part: zero where its ReLU was shut
//   sums [N][2][K]: of dst and of dst * (src - mean), where the view has a batch norm
//   partial [SLICES][K/CB][36][CB][G]: the filter gradient's sums (filter_gradient adds them up)
//   global id: 0 = slice of the images (n = slice, slice + SLICES, ...)
//   Here C_BLOCKS are the channel blocks of the gradient and K_BLOCKS those of src and dst.
#include "winograd_input.h"
#include "winograd_product.h"

#ifndef INPUT_DEFERRED
#define INPUT_DEFERRED 0  // 1: the gradient is deferred (load_rows)
#endif
#ifndef SLICES
#define SLICES 8  // independent sums over images
#endif

#define FILTER_TILES TILES
#define GRADIENT_BLOCKS C_BLOCKS
#include "winograd_filter.h"

#define PLANE (HEIGHT * WIDTH * CB)
#define TILE_PIXELS(t) ((t) / TILES_X * 4 * BORDERED_WIDTH + (t) % TILES_X * 4)  // of a tile in a strip's rows

CPU_KERNEL void conv_backward_winograd(global const float* restrict gradient,          //
                                       global const float* restrict grad_scale,        // INPUT_DEFERRED: [G]
                                       global const float* restrict grad_shift,        // INPUT_DEFERRED: [G]
                                       global const float* restrict norm_input,        // INPUT_DEFERRED: like gradient
                                       global const float* restrict norm_input_scale,  // INPUT_DEFERRED: [G]
                                       global const float* restrict weights,           //
                                       global const float* restrict src,               //
                                       global const float* restrict scale,             // VIEW_AFFINE: [K]
                                       global const float* restrict shift,             // VIEW_AFFINE: [K]
                                       global const float* restrict mean,  // VIEW_AFFINE: [K], batch mean of src
                                       global float* restrict dst,         //
                                       global float* restrict sums,        // VIEW_AFFINE
                                       global float* restrict partial, int images) {
  local VEC rows[(4 * TILE_ROWS + 2) * BORDERED_WIDTH];
  local VEC gradients[36 * TILES * C_BLOCKS];
  local VEC frequencies[36 * FREQUENCY_STEP(C_BLOCKS > K_BLOCKS ? C_BLOCKS : K_BLOCKS)];
#if IN_PLACE
  local VEC* products = frequencies;
#else
  local VEC products[36 * FREQUENCY_STEP(K_BLOCKS)];
#endif
  const VEC zero = (VEC)(0.0f);
  const int slice = get_global_id(0);
  partial += (size_t)slice * K_BLOCKS * 36 * CB * C_BLOCKS * CB;
  int first = 1;
  for (int n = slice; n < images; n += SLICES) {
    VEC sum[K_BLOCKS], product_sum[K_BLOCKS];
    for (int k = 0; k < K_BLOCKS; ++k) sum[k] = product_sum[k] = zero;
    for (int strip = 0; strip < STRIPS; ++strip) {
      const size_t ahead = (size_t)(strip + 1 < STRIPS ? n : n + SLICES) * C_BLOCKS * PLANE;  // the image read next
      for (int c = 0; c < C_BLOCKS; ++c) {  // the gradient, transformed for both
        const size_t block = (size_t)(n * C_BLOCKS + c) * PLANE;
#if INPUT_DEFERRED
        load_rows(gradient + block, LOAD_DEFERRED, norm_input + block, VLOAD(grad_scale + c * CB),
                  VLOAD(norm_input_scale + c * CB), VLOAD(grad_shift + c * CB), strip * TILE_ROWS * 4 - 1,
                  4 * TILE_ROWS + 2, rows);
#else
        load_rows(gradient + block, LOAD_PLAIN, gradient, zero, zero, zero, strip * TILE_ROWS * 4 - 1,
                  4 * TILE_ROWS + 2, rows);
#endif
        for (int r = 0; r < TILE_ROWS; ++r)
          transform_input(rows + 4 * r * BORDERED_WIDTH, frequencies + r * TILES_X * C_BLOCKS + c, C_BLOCKS,
                          FREQUENCY_STEP(C_BLOCKS));
        for (int t = 0; t < TILES; ++t)
          transform_gradient(rows + TILE_PIXELS(t) + BORDERED_WIDTH + 1, gradients + t * C_BLOCKS + c);
      }
      for (int f = 0; f < 36; ++f) {
        prefetch_strip(src + (size_t)n * K_BLOCKS * PLANE, K_BLOCKS, strip, f);
        multiply(f, frequencies, weights, products);
      }
      for (int k = 0; k < K_BLOCKS; ++k) {
        const size_t block = (size_t)(n * K_BLOCKS + k) * PLANE;
        const VEC s = VIEW_AFFINE ? VLOAD(scale + k * CB) : (VEC)(1.0f), b = VIEW_VECTOR(shift, k);
        const VEC m = VIEW_VECTOR(mean, k);
        VEC sum_k = sum[k], product_sum_k = product_sum[k];  // in registers
        for (int t = 0; t < TILES; ++t) {
          const int y0 = (strip * TILE_ROWS + t / TILES_X) * 4, x0 = t % TILES_X * 4;
          if (y0 >= HEIGHT) break;
          VEC y[16];
          transform_output(products + t * K_BLOCKS + k, y);
#pragma unroll
          for (int p = 0; p < 16; ++p) {
#if !WHOLE_TILES
            if (y0 + p / 4 >= HEIGHT || x0 + p % 4 >= WIDTH) continue;
#endif
            const size_t at = block + ((y0 + p / 4) * WIDTH + x0 + p % 4) * CB;
            const VEC x = VLOAD(src + at);
            const VEC v = fma(x, s, b) > zero ? y[p] : zero;
            sum_k += v;
            product_sum_k = fma(v, x - m, product_sum_k);
            STORE_RESULT(v, dst + at);
          }
        }
        sum[k] = sum_k;
        product_sum[k] = product_sum_k;
      }
      for (int k = 0; k < K_BLOCKS; ++k) {  // the input, in place of frequencies that are no longer needed
        const size_t block = (size_t)(n * K_BLOCKS + k) * PLANE;
        load_rows(src + block, LOAD_VIEW, src, VIEW_VECTOR(scale, k), zero, VIEW_VECTOR(shift, k),
                  strip * TILE_ROWS * 4 - 1, 4 * TILE_ROWS + 2, rows);
        for (int r = 0; r < TILE_ROWS; ++r)
          transform_input(rows + 4 * r * BORDERED_WIDTH, frequencies + r * TILES_X, 1, TILES);
        for (int f = 0; f < 36; ++f) {
          if (k == 0) prefetch_strip(gradient + ahead, C_BLOCKS, (strip + 1) % STRIPS, f);
#if INPUT_DEFERRED
          if (k == 0) prefetch_strip(norm_input + ahead, C_BLOCKS, (strip + 1) % STRIPS, f);
#endif
          accumulate(f, frequencies, gradients, first, partial + k * 36 * CB * C_BLOCKS * CB);
        }
      }
      first = 0;
    }
#if VIEW_AFFINE
    for (int k = 0; k < K_BLOCKS; ++k) {
      STORE_GLOBAL(sum[k], sums + ((size_t)n * 2 + 0) * K_PADDED + k * CB);
      STORE_GLOBAL(product_sum[k], sums + ((size_t)n * 2 + 1) * K_PADDED + k * CB);
    }
#endif
  }
  if (first)  // a slice without images
    for (int i = 0; i < K_BLOCKS * 36 * CB * C_BLOCKS; ++i) STORE_GLOBAL(zero, partial + i * CB);
}
