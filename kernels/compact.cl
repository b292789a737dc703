// compact: keeps the survivors of a batch. Three small kernels instead of atomics, so that the order is kept.
//   keep int [N]            nonzero = survivor
//   counts int [chunks]     survivors of each chunk of CHUNK images
//   indices int [M]         the survivors' images, ascending; count int [1] = M
//   count_chunks   counts[k] = survivors in chunk k                                global id: 0 = chunk
//   write_indices  survivor i of chunk k goes to indices[sum of counts[0 ... k-1] + survivors before it in k];
//                  the last chunk writes count                                     global id: 0 = chunk
//   gather_rows    out[m] = in[indices[m]], rows of ROW words of WORD_BYTES bytes
//                  global id: 0 = piece of PIECE words of the row, 1 = m
// CB is only a vector width here.
#include "common.h"

#ifndef CHUNK
#define CHUNK 256  // images of one work-item
#endif
#ifndef WORD_BYTES
#define WORD_BYTES 4  // 4, or 2 where rows are halves
#endif
#if WORD_BYTES == 2
#define WORD ushort
#else
#define WORD int
#endif
#ifndef ROW
#define ROW 16384
#endif
#ifndef PIECE
#define PIECE 4096  // words of one work-item, a multiple of CB: many on CPUs, CB on GPUs
#endif

kernel void count_chunks(global const int* keep, global int* counts, int images) {
  const int chunk = get_global_id(0);
  const int end = min((chunk + 1) * CHUNK, images);
  int count = 0;
  for (int n = chunk * CHUNK; n < end; ++n) count += keep[n] != 0;
  counts[chunk] = count;
}

kernel void write_indices(global const int* keep, global const int* counts, global int* indices, global int* count,
                          int images) {
  const int chunk = get_global_id(0);
  const int end = min((chunk + 1) * CHUNK, images);
  int to = 0;
  for (int before = 0; before < chunk; ++before) to += counts[before];
  for (int n = chunk * CHUNK; n < end; ++n)
    if (keep[n] != 0) indices[to++] = n;
  if (end == images) *count = to;
}

kernel void gather_rows(global const int* indices, global const WORD* in, global WORD* out) {
  const int begin = (int)get_global_id(0) * PIECE, end = min(begin + PIECE, ROW);
  const size_t m = get_global_id(1);
  global const WORD* from = in + (size_t)indices[m] * ROW;
  global WORD* to = out + m * ROW;
  int i = begin;
  for (; i + CB <= end; i += CB) VSTORE(VLOAD(from + i), to + i);
  for (; i < end; ++i) to[i] = from[i];
}
