// channel_shuffle: the channels of GROUPS equal groups, taken in turns. The way back is a shuffle in CHANNELS/GROUPS
// groups.
//   in, out [N][CHANNELS/CB][H][W][CB]   scale, shift [CHANNELS padded to CB]   in is read through a view (common.h)
//   channel_shuffle   out[n,i*GROUPS+g,y,x] = view(in[n,g*(CHANNELS/GROUPS)+i,y,x])
//     global id: 0 = row y, 1 = n * BLOCKS + block of out
// A vector of out has channels of many blocks of in, so it is put together lane by lane. What pads the last block is
// zero.
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 24
#endif
#ifndef GROUPS
#define GROUPS 3  // divides CHANNELS
#endif
#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
// Channel of in that comes to place c of out.
#define SOURCE(c) ((c) % GROUPS * (CHANNELS / GROUPS) + (c) / GROUPS)

kernel void channel_shuffle(global const ACTIVATION* in, global const float* scale, global const float* shift,
                            global ACTIVATION* out) {
  const int y = get_global_id(0), block = (int)(get_global_id(1) % BLOCKS);
  const size_t n = get_global_id(1) / BLOCKS;
  global const ACTIVATION* from[CB];
  float scales[CB], shifts[CB], values[CB];
#pragma unroll
  for (int lane = 0; lane < CB; ++lane) {
    const int to = block * CB + lane, c = to < CHANNELS ? SOURCE(to) : 0;
    from[lane] = in + ((n * BLOCKS + c / CB) * HEIGHT + y) * WIDTH * CB + c % CB;
#if VIEW_AFFINE
    scales[lane] = to < CHANNELS ? scale[c] : 0.0f;
    shifts[lane] = to < CHANNELS ? shift[c] : 0.0f;
#else
    scales[lane] = shifts[lane] = 0.0f;
#endif
  }
  const VEC a = VLOAD(scales), b = VLOAD(shifts);
  global ACTIVATION* row = out + ((n * BLOCKS + block) * HEIGHT + y) * WIDTH * CB;
  for (int x = 0; x < WIDTH; ++x) {
#pragma unroll
    for (int lane = 0; lane < CB; ++lane)
      values[lane] = block * CB + lane < CHANNELS ? LOAD_ELEMENT(from[lane] + x * CB) : 0.0f;
    STORE_ACTIVATION(view(VLOAD(values), a, b), row + x * CB);
  }
}
