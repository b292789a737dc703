// conv_winograd: 3x3 convolution, stride 1, padding 1, by Winograd's F(4x4,3x3); CPU class.
//   src [N][C/CB][H][W][CB], read through a view or deferred   weights [36][C][K] transformed (conv_weights.cl)
//   dst [N][K/CB][H][W][CB]
//   global id: 0 = which share of the image's strips (of get_global_size(0)), 1 = image n
//   dst[n,k,y,x] = sum over c,r,s of view(src)[n,c,y+r-1,x+s-1] * w[k,c,r,s]   (+ bias[k]) (+ residual[n,k,y,x])
//   STATISTICS and MASK 2 need the whole image in one work-item: get_global_size(0) == 1.
//   A strip is TILE_ROWS rows of 4x4 tiles. For each: transform the inputs, one small matrix product for each of the 36
//   frequencies (tiles x channels in, channels out), transform back in registers.
#include "statistics.h"
#include "winograd_input.h"
#include "winograd_product.h"

#ifndef INPUT_DEFERRED
#define INPUT_DEFERRED 0  // 1: the input is a deferred gradient (load_rows)
#endif
#ifndef RESIDUAL
#define RESIDUAL 0  // 1: residual [N][K/CB][H][W][CB] is added to the result
#endif
#ifndef BIAS
#define BIAS 0  // 1: the bias [K padded] behind the weights is added to the result
#endif
#ifndef STATISTICS
#define STATISTICS 0  // 1: writes mean and sum of squared deviations of each image and channel (batch norm, training)
#endif
#ifndef MASK
#define MASK 0  // 1: dst is a gradient by relu(mask_scale t + mask_shift), zero where that is; 2: and sums for bn
#endif

CPU_KERNEL void conv_winograd(global const ACTIVATION* restrict src,  //
                              global const float* restrict scale,     // [C] of the view or the gradient, else NULL
                              global const float* restrict shift,     // [C]
                              global const ACTIVATION* restrict norm_input,   // INPUT_DEFERRED: like src
                              global const float* restrict norm_input_scale,  // INPUT_DEFERRED: [C]
                              global const float* restrict weights,           //
                              global const ACTIVATION* residual,              // RESIDUAL: like dst; may be dst itself
                              global ACTIVATION* dst,                         //
                              global float* restrict sums,                    // STATISTICS or MASK 2: [N][2][K]
                              global const float* restrict masked,            // MASK: t, like dst
                              global const float* restrict mask_scale,        // MASK: [K]; NULL for 1
                              global const float* restrict mask_shift,        // MASK: [K]; NULL for 0
                              global const float* restrict mask_mean          // MASK 2: [K], batch mean of t
) {
  local VEC rows[(4 * TILE_ROWS + 2) * BORDERED_WIDTH];
  local VEC frequencies[36 * FREQUENCY_STEP(C_BLOCKS)];
#if IN_PLACE
  local VEC* products = frequencies;
#else
  local VEC products[36 * FREQUENCY_STEP(K_BLOCKS)];
#endif
  const int n = get_global_id(1);
  const size_t in_image = (size_t)n * C_BLOCKS * HEIGHT * WIDTH * CB;
  const size_t out_image = (size_t)n * K_BLOCKS * HEIGHT * WIDTH * CB;
#if STATISTICS || MASK == 2
  Moments moments[K_BLOCKS];  // MASK 2: first = sum of the gradient, second = sum of gradient * (t - mean)
  for (int k = 0; k < K_BLOCKS; ++k) moments[k].origin = moments[k].first = moments[k].second = (VEC)(0.0f);
#endif

  for (int strip = get_global_id(0); strip < STRIPS; strip += get_global_size(0)) {
    for (int c = 0; c < C_BLOCKS; ++c) {
      const size_t block = in_image + (size_t)c * HEIGHT * WIDTH * CB;
#if INPUT_DEFERRED || VIEW_AFFINE
      const VEC s = VLOAD(scale + c * CB), b = VLOAD(shift + c * CB);
#else
      const VEC s = (VEC)(1.0f), b = (VEC)(0.0f);
#endif
#if INPUT_DEFERRED
      const VEC ns = VLOAD(norm_input_scale + c * CB);
#else
      const VEC ns = (VEC)(0.0f);
#endif
      load_rows(src + block, INPUT_DEFERRED ? LOAD_DEFERRED : LOAD_VIEW, norm_input + block, s, ns, b,
                strip * TILE_ROWS * 4 - 1, 4 * TILE_ROWS + 2, rows);
      for (int r = 0; r < TILE_ROWS; ++r)
        transform_input(rows + 4 * r * BORDERED_WIDTH, frequencies + r * TILES_X * C_BLOCKS + c, C_BLOCKS,
                        FREQUENCY_STEP(C_BLOCKS));
    }
    for (int f = 0; f < 36; ++f) {
      prefetch_strip(src + in_image, C_BLOCKS, strip + get_global_size(0), f);
#if INPUT_DEFERRED
      prefetch_strip(norm_input + in_image, C_BLOCKS, strip + get_global_size(0), f);
#endif
#if RESIDUAL
      prefetch_strip(residual + out_image, K_BLOCKS, strip, f);
#endif
#if MASK
      prefetch_strip(masked + out_image, K_BLOCKS, strip, f);
#endif
      multiply(f, frequencies, weights, products);
    }
    for (int k = 0; k < K_BLOCKS; ++k) {
      const size_t block = out_image + (size_t)k * HEIGHT * WIDTH * CB;
#if MASK
      const VEC ms = mask_scale ? VLOAD(mask_scale + k * CB) : (VEC)(1.0f);
      const VEC mb = mask_shift ? VLOAD(mask_shift + k * CB) : (VEC)(0.0f);
#endif
#if MASK == 2
      const VEC mean = VLOAD(mask_mean + k * CB);
#endif
#if BIAS
      const VEC bias = VLOAD(weights + (size_t)36 * C_CHANNELS * K_PADDED + k * CB);
#endif
#if STATISTICS || MASK == 2
      Moments m = moments[k];  // in registers: the compiler cannot know that dst is none of it
#endif
      for (int t = 0; t < TILES; ++t) {
        const int y0 = (strip * TILE_ROWS + t / TILES_X) * 4, x0 = (t % TILES_X) * 4;
        if (y0 >= HEIGHT) break;
        VEC y[16];
        transform_output(products + t * K_BLOCKS + k, y);
#pragma unroll
        for (int p = 0; p < 16; ++p) {
          const int row = y0 + p / 4, column = x0 + p % 4;
#if !WHOLE_TILES
          if (row >= HEIGHT || column >= WIDTH) continue;
#endif
          const size_t at = block + (row * WIDTH + column) * CB;
          VEC v = y[p];
#if BIAS
          v += bias;
#endif
#if RESIDUAL
          v += LOAD_ACTIVATION(residual + at);
#endif
#if MASK
          const VEC x = VLOAD(masked + at);
          v = fma(x, ms, mb) > (VEC)(0.0f) ? v : (VEC)(0.0f);
#endif
#if MASK == 2
          m.first += v;
          m.second = fma(v, x - mean, m.second);
#endif
#if STATISTICS
          if (p == 0 && strip == 0 && t == 0) m.origin = v;
          moments_add(&m, v);
#endif
          STORE_RESULT(v, dst + at);
        }
      }
#if STATISTICS || MASK == 2
      moments[k] = m;
#endif
    }
  }
#if STATISTICS || MASK == 2
  for (int k = 0; k < K_BLOCKS; ++k) {
#if STATISTICS
    const VEC first = moments_mean(&moments[k], HEIGHT * WIDTH);
    const VEC second = moments_squares(&moments[k], HEIGHT * WIDTH);
#else
    const VEC first = moments[k].first, second = moments[k].second;
#endif
    VSTORE(first, sums + ((size_t)n * 2 + 0) * K_PADDED + k * CB);
    VSTORE(second, sums + ((size_t)n * 2 + 1) * K_PADDED + k * CB);
  }
#endif
}
