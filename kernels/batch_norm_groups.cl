// batch_norm_groups: the sums of batch_norm.cl over the pixels of an image, each by a work-group; GPU class.
//   x, dy [N][C/CB][H*W][CB]   scale, shift, mean [C padded]
//   moments [N][2][C padded]: mean and sum of squared deviations of each image (see statistics.h)
//   sums    [N][2][C padded]: sums of dy and of dy * (x - mean) of each image
//   group id: 0 = channel block, 1 = image; item i takes pixels i, i + GROUP, ...
//   The items' sums are added as a tree of fixed shape: a repetition gives the same bits.
#include "channels.h"
#include "statistics.h"

#ifndef PIXELS
#define PIXELS 1024  // H*W
#endif
#ifndef GROUP
#define GROUP 64  // items of a work-group, a power of two
#endif
#define GROUP_KERNEL __attribute__((reqd_work_group_size(GROUP, 1, 1))) kernel

// Adds up both arrays into their first element. Items: all of the group.
INLINE void add_group(local VEC* first, local VEC* second) {
  const int item = get_local_id(0);
  for (int step = GROUP / 2; step > 0; step /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (item < step) {
      first[item] += first[item + step];
      second[item] += second[item + step];
    }
  }
}

GROUP_KERNEL void bn_moments(global const float* restrict x, global float* restrict moments) {
  local VEC first[GROUP], second[GROUP];
  const int item = get_local_id(0), b = get_group_id(0), n = get_group_id(1);
  x += ((size_t)n * BLOCKS + b) * PIXELS * CB;
  Moments m;
  m.origin = VLOAD(x);  // one for all items, so that their sums can be added
  m.first = m.second = (VEC)(0.0f);
  for (int p = item; p < PIXELS; p += GROUP) moments_add(&m, VLOAD(x + p * CB));
  first[item] = m.first;
  second[item] = m.second;
  add_group(first, second);
  if (item == 0) {
    m.first = first[0];
    m.second = second[0];
    VSTORE(moments_mean(&m, PIXELS), moments + ((size_t)n * 2 + 0) * PADDED + b * CB);
    VSTORE(moments_squares(&m, PIXELS), moments + ((size_t)n * 2 + 1) * PADDED + b * CB);
  }
}

// dy = gradient by the view's value where its ReLU let it through (VIEW_RELU), in place, and the images' sums.
GROUP_KERNEL void bn_backward_sums(global float* restrict dy, global const float* restrict x,
                                   global const float* restrict scale, global const float* restrict shift,
                                   global const float* restrict mean, global float* restrict sums) {
  local VEC first[GROUP], second[GROUP];
  const int item = get_local_id(0), b = get_group_id(0), n = get_group_id(1);
  const size_t at = ((size_t)n * BLOCKS + b) * PIXELS * CB;
  const VEC s = VLOAD(scale + b * CB), t = VLOAD(shift + b * CB), m = VLOAD(mean + b * CB);
  VEC by_shift = (VEC)(0.0f), by_scale = by_shift;
  for (int p = item; p < PIXELS; p += GROUP) {
    const VEC v = VLOAD(x + at + p * CB);
    VEC d = VLOAD(dy + at + p * CB);
#if VIEW_RELU
    d = fma(v, s, t) > (VEC)(0.0f) ? d : (VEC)(0.0f);
    VSTORE(d, dy + at + p * CB);
#endif
    by_shift += d;
    by_scale = fma(d, v - m, by_scale);
  }
  first[item] = by_shift;
  second[item] = by_scale;
  add_group(first, second);
  if (item == 0) {
    VSTORE(first[0], sums + ((size_t)n * 2 + 0) * PADDED + b * CB);
    VSTORE(second[0], sums + ((size_t)n * 2 + 1) * PADDED + b * CB);
  }
}
