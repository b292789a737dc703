// residual_block: all residual units of one shape in a single launch, with the convolution before them; CPU class,
// inference.
//   x = HEAD ? convolution(src) : src;   then for each unit   x += conv2(relu(bn2(conv1(relu(bn1(x))))))
//   (He et al., "Identity Mappings in Deep Residual Networks", 2016), 3x3 convolutions, stride 1, padding 1
//   src [N][SRC_CHANNELS/SRC_CB][SRC_HEIGHT][SRC_WIDTH][SRC_CB] with a head, else like x
//   x   [N][C/CB][H][W][CB]; without a head it may be src
//   affine [2 UNITS][2][C]: scale and shift of the batch norm before each convolution; behind them, with `pooled`, of
//          the one before the pool
//   pooled [N][C] the mean over pixels of relu(bn(x)), summed as in global_average_pool.cl; NULL: not wanted
//   weights [2 UNITS][36][C][C] transformed, head_weights [R][S][SRC_CHANNELS][C] (conv_weights.cl)
//   global id: 0 = image n - first_image
//   The inputs of both convolutions of a unit stay in local memory, zero-bordered, batch norm and ReLU applied as they
//   are written; x stays in the cache. The convolutions go strip by strip as in conv_winograd.
#ifndef HEAD
#define HEAD 0  // 1: x is computed from src by a convolution of the shape that direct.h names
#endif
#include "winograd_input.h"
#include "winograd_product.h"

#define DST_WIDTH WIDTH  // for direct.h, which computes the head: its output is x
#include "direct.h"

#define BLOCKS C_BLOCKS  // of x: C_BLOCKS == K_BLOCKS
#define PLANE (BORDERED_HEIGHT * BORDERED_WIDTH)

INLINE VEC relu_of(VEC x, VEC scale, VEC shift) {
  x = fma(x, scale, shift);
  return RELU(VEC, x);
}

// Zeroes what lies around the pixels of bordered images [BLOCKS][PLANE].
INLINE void clear_border(local VEC* images) {
  const VEC zero = (VEC)(0.0f);
  for (int b = 0; b < BLOCKS; ++b)
    for (int y = 0; y < BORDERED_HEIGHT; ++y) {
      local VEC* row = images + b * PLANE + y * BORDERED_WIDTH;
      const int inside = y >= 1 && y <= HEIGHT;
      for (int x = 0; x < (inside ? 1 : BORDERED_WIDTH); ++x) row[x] = zero;
      for (int x = WIDTH + 1; x < BORDERED_WIDTH; ++x) row[x] = zero;
    }
}

// Fills `input`, bordered: relu(affine(x)) for the first convolution; with a head, writes x as well.
INLINE void begin(global const ACTIVATION* src, global const float* head_weights, global const float* affine,
                  global ACTIVATION* x, local SRC_VEC* rows, local VEC* input) {
  for (int y = 0; y < HEIGHT; ++y) {
#if HEAD
    advance_rows(src, affine, affine, y, rows);
#endif
    for (int b = 0; b < BLOCKS; ++b) {
      const VEC scale = VLOAD(affine + b * CB), shift = VLOAD(affine + (BLOCKS + b) * CB);
      local VEC* to = input + b * PLANE + (y + 1) * BORDERED_WIDTH + 1;
      const int row = (b * HEIGHT + y) * WIDTH * CB;
#if HEAD
      for (int x0 = 0; x0 < WIDTH; x0 += TILE_W) {
        VEC sum[TILE_W];
        direct_tile(rows, y, x0, head_weights + b * CB, sum);
#pragma unroll
        for (int t = 0; t < TILE_W; ++t) {
          if (x0 + t >= WIDTH) continue;
          STORE_ACTIVATION(sum[t], x + row + (x0 + t) * CB);
          to[x0 + t] = relu_of(sum[t], scale, shift);
        }
      }
#else
      for (int i = 0; i < WIDTH; ++i) to[i] = relu_of(LOAD_ACTIVATION(src + row + i * CB), scale, shift);
#endif
    }
  }
}

// The mean of each channel of a bordered image, to pooled [C].
INLINE void mean_of_pixels(local const VEC* images, global float* pooled) {
  for (int b = 0; b < BLOCKS; ++b) {
    VEC sum = (VEC)(0.0f);
    for (int y = 0; y < HEIGHT; ++y) {
      local const VEC* pixel = images + b * PLANE + (y + 1) * BORDERED_WIDTH + 1;
      VEC row = (VEC)(0.0f);
      for (int i = 0; i < WIDTH; ++i) row += pixel[i];
      sum += row;
    }
    VSTORE(sum / (float)(HEIGHT * WIDTH), pooled + b * CB);
  }
}

CPU_KERNEL void residual_block(global const ACTIVATION* src, global const float* restrict head_weights,
                               global const float* restrict affine, global const float* restrict weights,
                               global ACTIVATION* x, int units, global float* restrict pooled, int first_image) {
  local SRC_VEC rows[HEAD ? KERNEL_H * ROW_COLUMNS * SRC_BLOCKS : 1];
  local VEC first[BLOCKS * PLANE], second[BLOCKS * PLANE];  // inputs of conv1 and conv2
  local VEC frequencies[36 * FREQUENCY_STEP(C_BLOCKS)];
#if IN_PLACE
  local VEC* products = frequencies;
#else
  local VEC products[36 * FREQUENCY_STEP(K_BLOCKS)];
#endif
  const size_t n = first_image + get_global_id(0);
  x += n * BLOCKS * HEIGHT * WIDTH * CB;
#if HEAD
  src += n * SRC_BLOCKS * SRC_HEIGHT * SRC_WIDTH * SRC_CB;
#else
  src += n * BLOCKS * HEIGHT * WIDTH * CB;
#endif
  clear_border(first);
  clear_border(second);
  begin(src, head_weights, affine, x, rows, first);

  for (int i = 0; i < 2 * units; ++i) {
    const int ends_unit = i & 1, read_later = i + 1 < 2 * units || pooled;
    local const VEC* in = ends_unit ? second : first;
    local VEC* out = ends_unit ? first : second;
    global const ACTIVATION* added = HEAD || i > 1 ? x : src;
    global const float* next = affine + (read_later ? i + 1 : 0) * 2 * K_PADDED;
    for (int strip = 0; strip < STRIPS; ++strip) {
      for (int r = 0; r < TILE_ROWS && strip * TILE_ROWS + r < TILES_Y; ++r)
        for (int b = 0; b < BLOCKS; ++b)
          transform_input(in + b * PLANE + (strip * TILE_ROWS + r) * 4 * BORDERED_WIDTH,
                          frequencies + r * TILES_X * BLOCKS + b, BLOCKS, FREQUENCY_STEP(BLOCKS));
      for (int f = 0; f < 36; ++f) multiply(f, frequencies, weights + (size_t)i * 36 * C_CHANNELS * K_PADDED, products);
      for (int b = 0; b < BLOCKS; ++b) {
        const VEC scale = VLOAD(next + b * CB), shift = VLOAD(next + (BLOCKS + b) * CB);
        for (int t = 0; t < TILES; ++t) {
          const int y0 = (strip * TILE_ROWS + t / TILES_X) * 4, x0 = (t % TILES_X) * 4;
          if (y0 >= HEIGHT) break;
          VEC y[16];
          transform_output(products + t * BLOCKS + b, y);
          local VEC* to = out + b * PLANE + (y0 + 1) * BORDERED_WIDTH + x0 + 1;
          const int from = ((b * HEIGHT + y0) * WIDTH + x0) * CB;
#pragma unroll
          for (int p = 0; p < 16; ++p) {
#if !WHOLE_TILES
            if (y0 + p / 4 >= HEIGHT || x0 + p % 4 >= WIDTH) continue;
#endif
            VEC v = y[p];
            if (ends_unit) {
              const int at = from + (p / 4 * WIDTH + p % 4) * CB;
              v += LOAD_ACTIVATION(added + at);
              STORE_ACTIVATION(v, x + at);
#if HALF_STORAGE
              v = LOAD_ACTIVATION(x + at);  // as the first unit of another launch would read it
#endif
            }
            if (read_later) to[p / 4 * BORDERED_WIDTH + p % 4] = relu_of(v, scale, shift);
          }
        }
      }
    }
  }
  if (pooled) mean_of_pixels(first, pooled + n * BLOCKS * CB);
}
