// winograd_input.h: the input side of Winograd's F(4x4,3x3), shared by the convolution and its filter gradient.
//   Needs HEIGHT, WIDTH, INPUT_PAIR, and how frequencies lie in local memory: TILE_STEP floats from tile to tile,
//   FREQUENCY_STEP floats from frequency to frequency.
#ifndef WINOGRAD_INPUT_H
#define WINOGRAD_INPUT_H

#define TILES_X DIV_UP(WIDTH, 4)
#define TILES_Y DIV_UP(HEIGHT, 4)
#define COLUMNS (4 * TILES_X + 2)

// One input vector at row y, column x of a channel block, zero outside the image.
inline VEC load_input(global const float* src, global const float* pair, VEC scale, VEC pair_scale, VEC shift, int y,
                      int x) {
  if (y < 0 || y >= HEIGHT) return (VEC)(0.0f);
  const int at = (y * WIDTH + x) * CB;
#if INPUT_PAIR
  return fma(VLOAD(src + at), scale, fma(VLOAD(pair + at), pair_scale, shift));
#else
  return view(VLOAD(src + at), scale, shift);
#endif
}

// Frequencies of one tile row of one channel block: columns first (shared between neighbouring tiles), then rows.
//   columns      [6][COLUMNS][CB] scratch
//   frequencies  at the row's first tile and the block's first channel
inline void transform_input(global const float* src, global const float* pair, VEC scale, VEC pair_scale, VEC shift,
                            int y0, local float* columns, local float* frequencies) {
  for (int x = 0; x < COLUMNS; ++x) {
    VEC v0 = (VEC)(0.0f), v1 = v0, v2 = v0, v3 = v0, v4 = v0, v5 = v0;
    if (x >= 1 && x <= WIDTH) {
      const VEC d0 = load_input(src, pair, scale, pair_scale, shift, y0 - 1, x - 1);
      const VEC d1 = load_input(src, pair, scale, pair_scale, shift, y0, x - 1);
      const VEC d2 = load_input(src, pair, scale, pair_scale, shift, y0 + 1, x - 1);
      const VEC d3 = load_input(src, pair, scale, pair_scale, shift, y0 + 2, x - 1);
      const VEC d4 = load_input(src, pair, scale, pair_scale, shift, y0 + 3, x - 1);
      const VEC d5 = load_input(src, pair, scale, pair_scale, shift, y0 + 4, x - 1);
      WINOGRAD_INPUT(d0, d1, d2, d3, d4, d5, v0, v1, v2, v3, v4, v5)
    }
    VSTORE(v0, columns + (0 * COLUMNS + x) * CB);
    VSTORE(v1, columns + (1 * COLUMNS + x) * CB);
    VSTORE(v2, columns + (2 * COLUMNS + x) * CB);
    VSTORE(v3, columns + (3 * COLUMNS + x) * CB);
    VSTORE(v4, columns + (4 * COLUMNS + x) * CB);
    VSTORE(v5, columns + (5 * COLUMNS + x) * CB);
  }
  for (int i = 0; i < 6; ++i) {
    for (int t = 0; t < TILES_X; ++t) {
      local const float* row = columns + (i * COLUMNS + 4 * t) * CB;
      local float* out = frequencies + i * 6 * FREQUENCY_STEP + t * TILE_STEP;
      const VEC d0 = VLOAD(row), d1 = VLOAD(row + CB), d2 = VLOAD(row + 2 * CB), d3 = VLOAD(row + 3 * CB),
                d4 = VLOAD(row + 4 * CB), d5 = VLOAD(row + 5 * CB);
      VEC v0, v1, v2, v3, v4, v5;
      WINOGRAD_INPUT(d0, d1, d2, d3, d4, d5, v0, v1, v2, v3, v4, v5)
      VSTORE(v0, out);
      VSTORE(v1, out + 1 * FREQUENCY_STEP);
      VSTORE(v2, out + 2 * FREQUENCY_STEP);
      VSTORE(v3, out + 3 * FREQUENCY_STEP);
      VSTORE(v4, out + 4 * FREQUENCY_STEP);
      VSTORE(v5, out + 5 * FREQUENCY_STEP);
    }
  }
}

#endif
