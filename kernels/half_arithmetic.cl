// half_arithmetic: tries whether a device computes in half.
//   a, b, out half [N]   out[i] = a[i] * b[i] + b[i], product and sum rounded to half
//   known int [1]        1, or 0 where the compiler does not know half arithmetic; out is then not written
//   global id: 0 = i
#ifndef HALF_ARITHMETIC
#define HALF_ARITHMETIC 0  // 1: in half, if the device can; 0: in float, rounded at the end
#endif

#if HALF_ARITHMETIC && defined(cl_khr_fp16)
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

kernel void half_arithmetic(global const half* a, global const half* b, global half* out, global int* known) {
  const int i = get_global_id(0);
#if !HALF_ARITHMETIC
  const float x = vload_half(i, a), y = vload_half(i, b);
  vstore_half(x * y + y, i, out);
#elif defined(cl_khr_fp16)
  const half x = a[i], y = b[i];
  out[i] = x * y + y;
#endif
#if HALF_ARITHMETIC && !defined(cl_khr_fp16)
  if (i == 0) *known = 0;
#else
  if (i == 0) *known = 1;
#endif
}
