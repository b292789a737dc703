// conv_filter_grouped: gradient of a convolution in groups of channels by its filters; CPU and GPU class.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   gradient [N][K/CB][OH][OW][CB], the gradient by the output
//   partial [SLICES][R*S][C/groups][K padded]
//   global id: 0 = tap r * S + s, then input channel of the group, 1 = output channel block, 2 = slice of the images
//   partial[slice,r,s,c,k] = sum over n = slice, slice + SLICES, ... and y,x of
//                            view(src)[n,group(k)+c,y*stride+r-padding,x*stride+s-padding] * gradient[n,k,y,x]
//   The slices are fixed and add_slices adds them in order: the bits do not depend on the number of threads.
#include "common.h"
#include "grouped_input.h"

#ifndef SLICES
#define SLICES 8  // independent sums over images
#endif

#define TAPS (KERNEL_H * KERNEL_W)
#define K_BLOCKS DIV_UP(K_CHANNELS, CB)
#define K_PADDED (K_BLOCKS * CB)

kernel void conv_filter_grouped(global const ACTIVATION* restrict src,  //
                                global const float* restrict scale,     // [C padded] of the view, else NULL
                                global const float* restrict shift,     //
                                global const float* restrict gradient,  //
                                global float* restrict partial, int images) {
  const int row = get_global_id(0), tap = row / GROUP_INPUTS, i = row % GROUP_INPUTS;
  const int kb = get_global_id(1), slice = get_global_id(2);
  VEC total = (VEC)(0.0f);
  for (int n = slice; n < images; n += SLICES) {
    global const float* out = gradient + ((size_t)n * K_BLOCKS + kb) * OUT_HEIGHT * OUT_WIDTH * CB;
    VEC sum = (VEC)(0.0f);
    for (int y = 0; y < OUT_HEIGHT; ++y)
      for (int x = 0; x < OUT_WIDTH; ++x)
        sum = fma(load_grouped(src, scale, shift, n, kb, i, y * STRIDE + tap / KERNEL_W - PADDING,
                               x * STRIDE + tap % KERNEL_W - PADDING),
                  VLOAD(out + (y * OUT_WIDTH + x) * CB), sum);
    total += sum;
  }
  VSTORE(total, partial + ((size_t)slice * TAPS * GROUP_INPUTS + row) * K_PADDED + kb * CB);
}

// w_gradient [K][C/groups][R][S] = the slices added in order; global id: 0 = as above, 1 = output channel
kernel void add_slices(global const float* restrict partial, global float* restrict w_gradient) {
  const int row = get_global_id(0), k = get_global_id(1);
  float sum = 0.0f;
  for (int slice = 0; slice < SLICES; ++slice)
    sum += partial[((size_t)slice * TAPS * GROUP_INPUTS + row) * K_PADDED + k];
  w_gradient[((size_t)k * GROUP_INPUTS + row % GROUP_INPUTS) * TAPS + row / GROUP_INPUTS] = sum;
}
