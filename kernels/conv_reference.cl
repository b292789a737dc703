// conv_reference: convolution and its two gradients in plain loops, one element per work-item; runs everywhere and is
// the golden for the fast kernels.
//   src [N][C/IN_CB][H][W][IN_CB], read through a view   w [K][C/groups][R][S] as the model file has it
//   dst [N][K/CB][OH][OW][CB]
//   Input channel c of a group g is channel g * GROUP_INPUTS + c of the image.
#include "common.h"
#include "conv_shape.h"

#ifndef RESIDUAL
#define RESIDUAL 0  // 1: residual, like dst, is added to the result
#endif
#ifndef BIAS
#define BIAS 0  // 1: bias [K] is added to the result
#endif

static inline size_t in_index(int n, int c, int y, int x) {
  return ((((size_t)n * DIV_UP(C_CHANNELS, IN_CB) + c / IN_CB) * HEIGHT + y) * WIDTH + x) * IN_CB + c % IN_CB;
}

static inline size_t out_index(int n, int k, int y, int x) {
  return ((((size_t)n * DIV_UP(K_CHANNELS, CB) + k / CB) * OUT_HEIGHT + y) * OUT_WIDTH + x) * CB + k % CB;
}

static inline size_t weight_index(int k, int c, int r, int s) {
  return ((k * GROUP_INPUTS + c) * KERNEL_H + r) * KERNEL_W + s;
}

static inline float load_view(global const ACTIVATION* src, global const float* scale, global const float* shift, int n,
                              int c, int y, int x) {
  if (y < 0 || y >= HEIGHT || x < 0 || x >= WIDTH) return 0.0f;
  float v = LOAD_ELEMENT(src + in_index(n, c, y, x));
#if VIEW_AFFINE
  v = fma(v, scale[c], shift[c]);
#endif
#if VIEW_RELU
  v = RELU(float, v);
#endif
  return v;
}

// global id: 0 = y * OW + x, 1 = k (padding included), 2 = n
kernel void conv_forward(global const ACTIVATION* src, global const float* scale, global const float* shift,
                         global const float* w, global const float* bias, global const ACTIVATION* residual,
                         global ACTIVATION* dst) {
  const int y = get_global_id(0) / OUT_WIDTH, x = get_global_id(0) % OUT_WIDTH;
  const int k = get_global_id(1), n = get_global_id(2);
  float sum = 0.0f;
  if (k < K_CHANNELS)
    for (int c = 0; c < GROUP_INPUTS; ++c)
      for (int r = 0; r < KERNEL_H; ++r)
        for (int s = 0; s < KERNEL_W; ++s)
          sum = fma(load_view(src, scale, shift, n, k / GROUP_OUTPUTS * GROUP_INPUTS + c, y * STRIDE + r - PADDING,
                              x * STRIDE + s - PADDING),
                    w[weight_index(k, c, r, s)], sum);
#if BIAS
  if (k < K_CHANNELS) sum += bias[k];
#endif
#if RESIDUAL
  sum += LOAD_ELEMENT(residual + out_index(n, k, y, x));
#endif
  STORE_ELEMENT(sum, dst + out_index(n, k, y, x));
}

// src_gradient[n,c,y,x] = sum over k,r,s of dst_gradient[n,k,(y+padding-r)/stride,(x+padding-s)/stride] * w[k,c,r,s]
//   for the k of the group of c
// global id: 0 = y * W + x, 1 = c (padding included), 2 = n
kernel void conv_backward_data(global const float* dst_gradient, global const float* w, global float* src_gradient) {
  const int y = get_global_id(0) / WIDTH, x = get_global_id(0) % WIDTH;
  const int c = get_global_id(1), n = get_global_id(2), first_k = c / GROUP_INPUTS * GROUP_OUTPUTS;
  float sum = 0.0f;
  if (c < C_CHANNELS)
    for (int r = 0; r < KERNEL_H; ++r)
      for (int s = 0; s < KERNEL_W; ++s) {
        const int oy = y + PADDING - r, ox = x + PADDING - s;
        if (oy < 0 || ox < 0 || oy % STRIDE || ox % STRIDE || oy / STRIDE >= OUT_HEIGHT || ox / STRIDE >= OUT_WIDTH)
          continue;
        for (int k = first_k; k < first_k + GROUP_OUTPUTS; ++k)
          sum = fma(dst_gradient[out_index(n, k, oy / STRIDE, ox / STRIDE)], w[weight_index(k, c % GROUP_INPUTS, r, s)],
                    sum);
      }
  src_gradient[in_index(n, c, y, x)] = sum;
}

// w_gradient[k,c,r,s] = sum over n,y,x of view(src)[n,c,y*stride+r-padding,x*stride+s-padding] * dst_gradient[n,k,y,x]
// global id: 0 = r * S + s, 1 = c of the group of k, 2 = k
kernel void conv_backward_filter(global const ACTIVATION* src, global const float* scale, global const float* shift,
                                 global const float* dst_gradient, global float* w_gradient, int images) {
  const int r = get_global_id(0) / KERNEL_W, s = get_global_id(0) % KERNEL_W;
  const int c = get_global_id(1), k = get_global_id(2);
  float total = 0.0f;
  for (int n = 0; n < images; ++n) {
    float sum = 0.0f;
    for (int y = 0; y < OUT_HEIGHT; ++y)
      for (int x = 0; x < OUT_WIDTH; ++x)
        sum = fma(load_view(src, scale, shift, n, k / GROUP_OUTPUTS * GROUP_INPUTS + c, y * STRIDE + r - PADDING,
                            x * STRIDE + s - PADDING),
                  dst_gradient[out_index(n, k, y, x)], sum);
    total += sum;
  }
  w_gradient[weight_index(k, c, r, s)] = total;
}
