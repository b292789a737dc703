// conv_weights: from the filters as the model file has them, w [K][C/groups][R][S], to what the convolution kernels
// read.
//   OUT is the number of channels that the kernel writes, IN the number of those that each of them is computed from: K
//   and C/groups forward; C and K/groups for the gradient by the input (FLIPPED 1), where the filters are turned by 180
//   degrees as well.
#include "common.h"
#include "winograd.h"

#ifndef IN_CHANNELS
#define IN_CHANNELS 16  // channels read, of a group
#endif
#ifndef OUT_CHANNELS
#define OUT_CHANNELS 16  // channels written
#endif
#ifndef KERNEL_H
#define KERNEL_H 3
#endif
#ifndef KERNEL_W
#define KERNEL_W 3
#endif
#ifndef FLIPPED
#define FLIPPED 0
#endif
#ifndef CHANNEL_GROUPS
#define CHANNEL_GROUPS 1
#endif

#define OUT_PADDED (DIV_UP(OUT_CHANNELS, CB) * CB)
#define GROUP_OUT (OUT_CHANNELS / CHANNEL_GROUPS)

static inline float filter_tap(global const float* w, int in, int out, int r, int s) {
#if FLIPPED
  const int k = out / GROUP_OUT * IN_CHANNELS + in;
  return w[((k * GROUP_OUT + out % GROUP_OUT) * KERNEL_H + (KERNEL_H - 1 - r)) * KERNEL_W + (KERNEL_W - 1 - s)];
#else
  return w[((out * IN_CHANNELS + in) * KERNEL_H + r) * KERNEL_W + s];
#endif
}

// packed [R][S][IN][OUT padded]; global id: 0 = padded output channel, 1 = input channel
kernel void pack_weights(global const float* w, global float* packed) {
  const int out = get_global_id(0), in = get_global_id(1);
  for (int r = 0; r < KERNEL_H; ++r)
    for (int s = 0; s < KERNEL_W; ++s)
      packed[((r * KERNEL_W + s) * IN_CHANNELS + in) * OUT_PADDED + out] =
          out < OUT_CHANNELS ? filter_tap(w, in, out, r, s) : 0.0f;
}

// transformed [36][IN][OUT padded] = G w G'; global id: 0 = output channel block, 1 = input channel
CPU_KERNEL void transform_weights(global const float* w, global float* transformed) {
  const int block = get_global_id(0), in = get_global_id(1);
  VEC rows[6][3];
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    VEC g[3];
#pragma unroll
    for (int r = 0; r < 3; ++r) {
      float lanes[CB];
      for (int i = 0; i < CB; ++i)
        lanes[i] = block * CB + i < OUT_CHANNELS ? filter_tap(w, in, block * CB + i, r, s) : 0.0f;
      g[r] = VLOAD(lanes);
    }
    WINOGRAD_FILTER(g[0], g[1], g[2], rows[0][s], rows[1][s], rows[2][s], rows[3][s], rows[4][s], rows[5][s])
  }
#pragma unroll
  for (int i = 0; i < 6; ++i) {
    VEC u[6];
    WINOGRAD_FILTER(rows[i][0], rows[i][1], rows[i][2], u[0], u[1], u[2], u[3], u[4], u[5])
#pragma unroll
    for (int j = 0; j < 6; ++j)
      STORE_GLOBAL(u[j], transformed + ((i * 6 + j) * IN_CHANNELS + in) * OUT_PADDED + block * CB);
  }
}

// Appends a bias [OUT] to filters of so many floats: filters[floats + k] for each k, zero in the padding; global id: 0
// = padded output channel
kernel void pack_bias(global const float* bias, global float* filters, int floats) {
  const int out = get_global_id(0);
  filters[floats + out] = out < OUT_CHANNELS ? bias[out] : 0.0f;
}
