// What a device can do at most: multiply-adds in registers, and a copy of memory that no cache holds.

#ifndef ROUNDS
#define ROUNDS 1000000  // of 12 multiply-adds on vectors of 16
#endif
#ifndef CHUNK
#define CHUNK 1  // vectors of 16 that a work-item copies
#endif

// One item a core. The result depends on every round.
__kernel void multiply_add(__global float* out) {
  const float16 a = (float16)(0.999f), b = (float16)(0.001f);
  float16 x[12];
  for (int i = 0; i < 12; ++i) x[i] = (float16)((float)(get_global_id(0) + i));
  for (int r = 0; r < ROUNDS; ++r) {
#pragma unroll
    for (int i = 0; i < 12; ++i) x[i] = fma(x[i], a, b);
  }
  float16 sum = x[0];
  for (int i = 1; i < 12; ++i) sum += x[i];
  out[get_global_id(0)] = sum.s0 + sum.s7 + sum.sf;
}

__kernel void copy(__global const float16* from, __global float16* to) {
  const size_t first = get_global_id(0) * CHUNK;
  for (size_t i = first; i < first + CHUNK; ++i) to[i] = from[i];
}
