// gemm_tile.h: the product of two tiles in local memory, shared by the kernels of the GPU class that are matrix
// products.
//   A work-group of ITEMS items computes TILE_M rows x TILE_N columns of the product, TILE_D of the depth at a time:
//   tile_m [TILE_D][M_STEP] holds the left matrix by columns, tile_n [TILE_D][N_STEP] the right one by rows.
//   Item i holds rows i % ITEMS_M + j * ITEMS_M (neighbours read neighbouring floats) and the ITEM_N columns from
//   i / ITEMS_M * ITEM_N on, in vectors of four.
//   The depth runs in one order whatever the number of groups, so that a repetition gives the same bits.
#ifndef GEMM_TILE_H
#define GEMM_TILE_H

#ifndef TILE_M
#define TILE_M 64  // rows of a work-group; a multiple of 32
#endif
#ifndef TILE_N
#define TILE_N 16  // columns of a work-group; a multiple of 16
#endif
#ifndef TILE_D
#define TILE_D 16  // depth in local memory; a multiple of 16, the largest channel block
#endif
#ifndef ITEM_M
#define ITEM_M 4  // rows of a work-item; divides TILE_M
#endif
#ifndef ITEM_N
#define ITEM_N 4  // columns of a work-item; a multiple of 4 that divides TILE_N
#endif

#define ITEMS_M (TILE_M / ITEM_M)
#define ITEMS (ITEMS_M * (TILE_N / ITEM_N))
#define ITEM_VECTORS (ITEM_N / 4)
// Steps that keep a work-group's stores to neighbouring depths in different banks, and vectors of four aligned.
#ifndef M_PAD
#define M_PAD 4
#endif
#define M_STEP (TILE_M + M_PAD)
#define N_STEP (TILE_N + 4)

#define GEMM_KERNEL __attribute__((reqd_work_group_size(ITEMS, 1, 1))) kernel

typedef struct {
  float4 sum[ITEM_M][ITEM_VECTORS];
} GemmSums;

static inline void gemm_clear(GemmSums* sums) {
#pragma unroll
  for (int m = 0; m < ITEM_M; ++m)
#pragma unroll
    for (int v = 0; v < ITEM_VECTORS; ++v) sums->sum[m][v] = (float4)(0.0f);
}

// Adds the product of the tiles. rows: tile_m at the item's first row, columns: tile_n at its first column.
INLINE void gemm_add(GemmSums* sums, local const float* rows, local const float* columns) {
  for (int d = 0; d < TILE_D; ++d) {
    float4 right[ITEM_VECTORS];
#pragma unroll
    for (int v = 0; v < ITEM_VECTORS; ++v) right[v] = vload4(v, columns + d * N_STEP);
#pragma unroll
    for (int m = 0; m < ITEM_M; ++m) {
      const float4 left = (float4)(rows[d * M_STEP + m * ITEMS_M]);
#pragma unroll
      for (int v = 0; v < ITEM_VECTORS; ++v) sums->sum[m][v] = fma(left, right[v], sums->sum[m][v]);
    }
  }
}

#endif
