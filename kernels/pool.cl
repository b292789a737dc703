// pool: average or max pooling over KERNEL x KERNEL windows, and its gradient by gathering.
//   in, in_gradient    [N][C/CB][H][W][CB]   the input is read through a view (common.h)
//   out, out_gradient  [N][C/CB][OUT_H][OUT_W][CB]
//   global id: 0 = row (of out forward, of in backward), 1 = n * (C/CB) + c/CB
//   window of out[y,x]: rows y*STRIDE-PADDING ... +KERNEL-1 of in, columns alike, as far as they are real pixels
//   average: out = mean of the window                 in_gradient = sum over its windows of out_gradient / real pixels
//   maximum: out = largest value of the window        in_gradient = sum of out_gradient over the windows in which this
//                                                     pixel is the first of the largest, row by row
// NaN counts as larger than every number, so it comes through. The gradient is by the value that the view gives.
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
#ifndef KERNEL
#define KERNEL 3
#endif
#ifndef STRIDE
#define STRIDE 2
#endif
#ifndef PADDING
#define PADDING 1  // less than KERNEL, so that each window has a real pixel
#endif
#ifndef MAXIMUM
#define MAXIMUM 1  // 1 max pooling, 0 average
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define OUT_H ((HEIGHT + 2 * PADDING - KERNEL) / STRIDE + 1)
#define OUT_W ((WIDTH + 2 * PADDING - KERNEL) / STRIDE + 1)

// First and one past the last real pixel of window `q` along an axis of `size` pixels.
static inline int window_begin(int q) { return max(q * STRIDE - PADDING, 0); }
static inline int window_end(int q, int size) { return min(q * STRIDE - PADDING + KERNEL, size); }

// First and last window that holds pixel `p`.
static inline int first_window(int p) {
  const int room = p + PADDING - KERNEL + 1;
  return room <= 0 ? 0 : DIV_UP(room, STRIDE);
}
static inline int last_window(int p, int windows) { return min((p + PADDING) / STRIDE, windows - 1); }

// Whether `a` is larger than `b`, lane by lane; NaN is larger than every number.
static inline IVEC larger(VEC a, VEC b) { return a > b || (isnan(a) && !isnan(b)); }

// The pooled value of the window rows [top,bottom) x columns [left,right).
static inline VEC pooled(global const ACTIVATION* plane, VEC a, VEC b, int top, int bottom, int left, int right) {
  VEC result = (VEC)(MAXIMUM ? -INFINITY : 0.0f);
  for (int y = top; y < bottom; ++y)
    for (int x = left; x < right; ++x) {
      const VEC value = view(LOAD_ACTIVATION(plane + (y * WIDTH + x) * CB), a, b);
      result = MAXIMUM ? select(result, value, larger(value, result)) : result + value;
    }
  return MAXIMUM ? result : result / (float)((bottom - top) * (right - left));
}

kernel void pool_forward(global const ACTIVATION* in, global const float* scale, global const float* shift,
                         global ACTIVATION* out) {
  const int y = get_global_id(0);
  const size_t plane = get_global_id(1);
  const int block = (int)(plane % BLOCKS);
  const VEC a = VIEW_VECTOR(scale, block), b = VIEW_VECTOR(shift, block);
  global const ACTIVATION* src = in + plane * (HEIGHT * WIDTH * CB);
  global ACTIVATION* dst = out + (plane * OUT_H + y) * (OUT_W * CB);
  for (int x = 0; x < OUT_W; ++x) {
    STORE_ACTIVATION(pooled(src, a, b, window_begin(y), window_end(y, HEIGHT), window_begin(x), window_end(x, WIDTH)),
                     dst + x * CB);
  }
}

// The window's gradient in the lanes whose pixel (py,px) is the first of the largest, 0 in the others.
static inline VEC won(global const float* plane, VEC a, VEC b, VEC gradient, int py, int px, int qy, int qx) {
  const VEC candidate = view(VLOAD(plane + (py * WIDTH + px) * CB), a, b);
  for (int y = window_begin(qy); y < window_end(qy, HEIGHT); ++y)
    for (int x = window_begin(qx); x < window_end(qx, WIDTH); ++x) {
      const VEC value = view(VLOAD(plane + (y * WIDTH + x) * CB), a, b);
      const bool earlier = y < py || (y == py && x < px);
      const IVEC beaten = earlier ? !larger(candidate, value) : larger(value, candidate);
      gradient = select(gradient, (VEC)(0.0f), beaten);
    }
  return gradient;
}

kernel void pool_backward(global const float* in, global const float* scale, global const float* shift,
                          global const float* out_gradient, global float* in_gradient) {
  const int y = get_global_id(0);
  const size_t plane = get_global_id(1);
  const int block = (int)(plane % BLOCKS);
  const VEC a = VIEW_VECTOR(scale, block), b = VIEW_VECTOR(shift, block);
  global const float* src = in + plane * (HEIGHT * WIDTH * CB);
  global const float* from = out_gradient + plane * (OUT_H * OUT_W * CB);
  global float* dst = in_gradient + (plane * HEIGHT + y) * (WIDTH * CB);
  for (int x = 0; x < WIDTH; ++x) {
    VEC sum = (VEC)(0.0f);
    for (int qy = first_window(y); qy <= last_window(y, OUT_H); ++qy)
      for (int qx = first_window(x); qx <= last_window(x, OUT_W); ++qx) {
        const VEC gradient = VLOAD(from + (qy * OUT_W + qx) * CB);
#if MAXIMUM
        sum += won(src, a, b, gradient, y, x, qy, qx);
#else
        const int pixels = (window_end(qy, HEIGHT) - window_begin(qy)) * (window_end(qx, WIDTH) - window_begin(qx));
        sum += gradient / (float)pixels;
#endif
      }
    VSTORE(sum, dst + x * CB);
  }
}
