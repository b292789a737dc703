// compact: keeps the survivors of a batch, in the joint phase of training. Three small kernels instead of atomics, so
// that the order is kept. A cascade that runs does not copy survivors: the next stage reads them where they lie
// (image_input.cl, gather).
//   keep int [N]            nonzero = survivor
//   counts int [pieces]     survivors of each piece of PIECE images
//   indices int [M]         the survivors' images, ascending; count int [1] = M
//   count_pieces   counts[k] = survivors in piece k                                global id: 0 = piece
//   write_indices  survivor i of piece k goes to indices[sum of counts[0 ... k-1] + survivors before it in k];
//                  the last piece writes count                                     global id: 0 = piece
//   gather_rows    out[m] = in[indices[m]], rows of ROW words of WORD_BYTES bytes
//                  global id: 0 = piece of PIECE words of the row, 1 = m
// CB is only a vector width here.
#include "common.h"

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
#define PIECE 4096  // of one work-item: images; of gather_rows words, a multiple of CB
#endif

kernel void count_pieces(global const int* keep, global int* counts, int images) {
  const int piece = get_global_id(0);
  const int end = min((piece + 1) * PIECE, images);
  int count = 0;
  for (int n = piece * PIECE; n < end; ++n) count += keep[n] != 0;
  counts[piece] = count;
}

kernel void write_indices(global const int* keep, global const int* counts, global int* indices, global int* count,
                          int images) {
  const int piece = get_global_id(0);
  const int end = min((piece + 1) * PIECE, images);
  int to = 0;
  for (int before = 0; before < piece; ++before) to += counts[before];
  for (int n = piece * PIECE; n < end; ++n)
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
