// concat: one part of a concatenation along channels, and the gradient by it.
//   part, part_gradient     [N][CHANNELS/PART_CB][H][W][PART_CB]   the part is read through a view (common.h)
//   whole, whole_gradient   [N][TOTAL/CB][H][W][CB]
//   concat_forward    whole[n,OFFSET+c,y,x] = view(part[n,c,y,x])
//     global id: 0 = row y, 1 = n * TOUCHED + block of the whole that the part touches
//   concat_backward   part_gradient[n,c,y,x] = whole_gradient[n,OFFSET+c,y,x]
//     global id: 0 = row y, 1 = n * PART_BLOCKS + block of the part
// Parts need not end where blocks do: a block of the whole holds channels of several parts then, and each part writes
// its own. What pads the last block is zero.
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 20  // of the part
#endif
#ifndef OFFSET
#define OFFSET 12  // channels of the whole before it
#endif
#ifndef TOTAL
#define TOTAL 40  // channels of the whole
#endif
#ifndef PART_CB
#define PART_CB CB  // channel block of the part; CB is that of the whole
#endif
#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#define PART_BLOCKS DIV_UP(CHANNELS, PART_CB)
#define WHOLE_BLOCKS DIV_UP(TOTAL, CB)
#define FIRST (OFFSET / CB)  // block of the whole that the part begins in
#define TOUCHED ((OFFSET + CHANNELS - 1) / CB - FIRST + 1)
// Blocks of the part are blocks of the whole: whole vectors are copied.
#define ALIGNED (PART_CB == CB && OFFSET % CB == 0 && (CHANNELS % CB == 0 || OFFSET + CHANNELS == TOTAL))

// Row y of block `block` of image n, in the part and in the whole.
#define PART_ROW(n, block, y) ((((n)*PART_BLOCKS + (block)) * HEIGHT + (y)) * WIDTH * PART_CB)
#define WHOLE_ROW(n, block, y) ((((n)*WHOLE_BLOCKS + (block)) * HEIGHT + (y)) * WIDTH * CB)

kernel void concat_forward(global const ACTIVATION* part, global const float* scale, global const float* shift,
                           global ACTIVATION* whole) {
  const int y = get_global_id(0);
  const size_t n = get_global_id(1) / TOUCHED;
  const int block = FIRST + (int)(get_global_id(1) % TOUCHED);
  global ACTIVATION* to = whole + WHOLE_ROW(n, block, y);
#if ALIGNED
  global const ACTIVATION* from = part + PART_ROW(n, block - FIRST, y);
  const VEC a = VIEW_VECTOR(scale, block - FIRST), b = VIEW_VECTOR(shift, block - FIRST);
  for (int x = 0; x < WIDTH; ++x) STORE_ACTIVATION(view(LOAD_ACTIVATION(from + x * CB), a, b), to + x * CB);
#else
  for (int lane = 0; lane < CB; ++lane) {
    const int c = block * CB + lane - OFFSET;
    if (c >= 0 && c < CHANNELS) {
      global const ACTIVATION* from = part + PART_ROW(n, c / PART_CB, y) + c % PART_CB;
      for (int x = 0; x < WIDTH; ++x) {
        float v = LOAD_ELEMENT(from + x * PART_CB);
#if VIEW_AFFINE
        v = fma(v, scale[c], shift[c]);
#endif
        v = VIEW_ACTIVATE(float, v);
        STORE_ELEMENT(v, to + x * CB + lane);
      }
    } else if (block * CB + lane >= TOTAL) {
      for (int x = 0; x < WIDTH; ++x) STORE_ELEMENT(0.0f, to + x * CB + lane);
    }
  }
#endif
}

kernel void concat_backward(global const float* whole_gradient, global float* part_gradient) {
  const int y = get_global_id(0), block = (int)(get_global_id(1) % PART_BLOCKS);
  const size_t n = get_global_id(1) / PART_BLOCKS;
  global float* to = part_gradient + PART_ROW(n, block, y);
#if ALIGNED
  global const float* from = whole_gradient + WHOLE_ROW(n, FIRST + block, y);
  for (int x = 0; x < WIDTH; ++x) VSTORE(VLOAD(from + x * CB), to + x * CB);
#else
  for (int lane = 0; lane < PART_CB; ++lane) {
    const int c = block * PART_CB + lane, channel = OFFSET + c;
    global const float* from = whole_gradient + WHOLE_ROW(n, channel / CB, y) + channel % CB;
    for (int x = 0; x < WIDTH; ++x) to[x * PART_CB + lane] = c < CHANNELS ? from[x * CB] : 0.0f;
  }
#endif
}
