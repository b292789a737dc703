// winograd_input.h: the input side of Winograd's F(4x4,3x3): rows of pixels to frequencies, one channel block at a
// time.
#ifndef WINOGRAD_INPUT_H
#define WINOGRAD_INPUT_H
#include "common.h"
#include "winograd.h"

#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif

#define TILES_X DIV_UP(WIDTH, 4)
#define TILES_Y DIV_UP(HEIGHT, 4)
#define BORDERED_WIDTH (4 * TILES_X + 2)   // a row with its zero borders, filled up to whole tiles
#define BORDERED_HEIGHT (4 * TILES_Y + 2)  // the same for an image

// Copies `count` rows of a channel block from row y0 on to rows[count][BORDERED_WIDTH]: zero where outside the image,
// column x at x + 1. How: as they are; through the view; or deferred, the gradient behind a batch norm
// that is not applied yet: scale * src + norm_input_scale * norm_input + shift.
#define LOAD_PLAIN 0
#define LOAD_VIEW 1
#define LOAD_DEFERRED 2
INLINE void load_rows(global const ACTIVATION* src, const int how, global const ACTIVATION* norm_input, VEC scale,
                      VEC norm_input_scale, VEC shift, int y0, int count, local VEC* rows) {
  const VEC zero = (VEC)(0.0f);
  for (int r = 0; r < count; ++r, rows += BORDERED_WIDTH) {
    const int y = y0 + r;
    if (y < 0 || y >= HEIGHT) {
      for (int x = 0; x < BORDERED_WIDTH; ++x) rows[x] = zero;
      continue;
    }
    rows[0] = zero;
    for (int x = 0; x < WIDTH; ++x) {
      const int at = (y * WIDTH + x) * CB;
      if (how == LOAD_DEFERRED)
        rows[x + 1] =
            fma(LOAD_ACTIVATION(src + at), scale, fma(LOAD_ACTIVATION(norm_input + at), norm_input_scale, shift));
      else
        rows[x + 1] = how == LOAD_VIEW ? view(LOAD_ACTIVATION(src + at), scale, shift) : LOAD_ACTIVATION(src + at);
    }
    for (int x = WIDTH + 1; x < BORDERED_WIDTH; ++x) rows[x] = zero;
  }
}

// Three of the six rows of frequencies of one row of tiles: all six would not fit into the registers. The two columns
// that neighbouring tiles share are kept from tile to tile.
//   rows         [6][BORDERED_WIDTH], the first row above the tiles
//   frequencies  at the row's first tile; vectors from tile to tile and from frequency to frequency: the steps
INLINE void transform_half(local const VEC* rows, const int high, local VEC* frequencies, const int tile_step,
                           const int frequency_step) {
  VEC z[3][6];
#pragma unroll
  for (int x = 4; x < 6; ++x) {
    local const VEC* d = rows + x - 4;
    const VEC d0 = d[0], d1 = d[BORDERED_WIDTH], d2 = d[2 * BORDERED_WIDTH], d3 = d[3 * BORDERED_WIDTH],
              d4 = d[4 * BORDERED_WIDTH], d5 = d[5 * BORDERED_WIDTH];
    if (high)
      WINOGRAD_INPUT_HIGH(d0, d1, d2, d3, d4, d5, z[0][x], z[1][x], z[2][x])
    else
      WINOGRAD_INPUT_LOW(d0, d1, d2, d3, d4, d5, z[0][x], z[1][x], z[2][x])
  }
  for (int t = 0; t < TILES_X; ++t) {
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      z[i][0] = z[i][4];
      z[i][1] = z[i][5];
    }
#pragma unroll
    for (int x = 2; x < 6; ++x) {
      local const VEC* d = rows + 4 * t + x;
      const VEC d0 = d[0], d1 = d[BORDERED_WIDTH], d2 = d[2 * BORDERED_WIDTH], d3 = d[3 * BORDERED_WIDTH],
                d4 = d[4 * BORDERED_WIDTH], d5 = d[5 * BORDERED_WIDTH];
      if (high)
        WINOGRAD_INPUT_HIGH(d0, d1, d2, d3, d4, d5, z[0][x], z[1][x], z[2][x])
      else
        WINOGRAD_INPUT_LOW(d0, d1, d2, d3, d4, d5, z[0][x], z[1][x], z[2][x])
    }
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      local VEC* v = frequencies + (high * 3 + i) * 6 * frequency_step + t * tile_step;
      WINOGRAD_INPUT(z[i][0], z[i][1], z[i][2], z[i][3], z[i][4], z[i][5], v[0], v[frequency_step],
                     v[2 * frequency_step], v[3 * frequency_step], v[4 * frequency_step], v[5 * frequency_step])
    }
  }
}

INLINE void transform_input(local const VEC* rows, local VEC* frequencies, const int tile_step,
                            const int frequency_step) {
  transform_half(rows, 0, frequencies, tile_step, frequency_step);
  transform_half(rows, 1, frequencies, tile_step, frequency_step);
}

#endif
