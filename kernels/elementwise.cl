// elementwise: operations on whole activations, element by element.
//   all arrays [N][C/CB][H][W][CB]; scale, shift [C padded to CB]
//   materialize  out = view(in)
//   add_views    out = view(a) + second_view(b)      the second view has defines of its own
//   activation_mask  gradient = 0 where the activation function of the view is flat
//     global id: 0 = piece of PIECE pixels of the plane, 1 = n * (C/CB) + c/CB
//   accumulate   a += b over `vectors` vectors
//     global id: 0 = piece of PIECE vectors
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 16
#endif
#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#ifndef PIECE
#define PIECE 256  // vectors of one work-item: many on CPUs, 1 on GPUs
#endif
#ifndef SECOND_AFFINE
#define SECOND_AFFINE 0
#endif
#ifndef SECOND_ACTIVATION
#define SECOND_ACTIVATION 0
#endif
#ifndef SECOND_LOW
#define SECOND_LOW 0.0f
#endif
#ifndef SECOND_HIGH
#define SECOND_HIGH 6.0f
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define PIXELS (HEIGHT * WIDTH)

#if SECOND_AFFINE
#define SECOND_VECTOR(p, block) VLOAD((p) + (block)*CB)
#else
#define SECOND_VECTOR(p, block) ((VEC)(0.0f))
#endif

static inline VEC second_view(VEC x, VEC scale, VEC shift) {
#if SECOND_AFFINE
  x = fma(x, scale, shift);
#endif
  return CAT(ACTIVATION_, SECOND_ACTIVATION)(VEC, x, SECOND_LOW, SECOND_HIGH);
}

static inline int piece_begin() { return (int)get_global_id(0) * PIECE; }
static inline int piece_end() { return min(piece_begin() + PIECE, PIXELS); }

kernel void materialize(global const ACTIVATION* in, global const float* scale, global const float* shift,
                        global ACTIVATION* out) {
  const size_t plane = get_global_id(1);
  const int block = (int)(plane % BLOCKS);
  const VEC a = VIEW_VECTOR(scale, block), b = VIEW_VECTOR(shift, block);
  for (int i = piece_begin(); i < piece_end(); ++i) {
    const size_t at = (plane * PIXELS + i) * CB;
    STORE_ACTIVATION(view(LOAD_ACTIVATION(in + at), a, b), out + at);
  }
}

kernel void add_views(global const ACTIVATION* a, global const float* a_scale, global const float* a_shift,
                      global const ACTIVATION* b, global const float* b_scale, global const float* b_shift,
                      global ACTIVATION* out) {
  const size_t plane = get_global_id(1);
  const int block = (int)(plane % BLOCKS);
  const VEC as = VIEW_VECTOR(a_scale, block), at = VIEW_VECTOR(a_shift, block);
  const VEC bs = SECOND_VECTOR(b_scale, block), bt = SECOND_VECTOR(b_shift, block);
  for (int i = piece_begin(); i < piece_end(); ++i) {
    const size_t p = (plane * PIXELS + i) * CB;
    STORE_ACTIVATION(view(LOAD_ACTIVATION(a + p), as, at) + second_view(LOAD_ACTIVATION(b + p), bs, bt), out + p);
  }
}

kernel void activation_mask(global const float* x, global const float* scale, global const float* shift,
                            global float* gradient) {
  const size_t plane = get_global_id(1);
  const int block = (int)(plane % BLOCKS);
  const VEC a = VIEW_VECTOR(scale, block), b = VIEW_VECTOR(shift, block);
  for (int i = piece_begin(); i < piece_end(); ++i) {
    const size_t at = (plane * PIXELS + i) * CB;
    const VEC y = view(VLOAD(x + at), a, b);
    VSTORE(select((VEC)(0.0f), VLOAD(gradient + at), VIEW_PASSES(y)), gradient + at);
  }
}

kernel void accumulate(global float* a, global const float* b, int vectors) {
  const int end = min(piece_begin() + PIECE, vectors);
  for (int i = piece_begin(); i < end; ++i) {
    const size_t at = (size_t)i * CB;
    VSTORE(VLOAD(a + at) + VLOAD(b + at), a + at);
  }
}
