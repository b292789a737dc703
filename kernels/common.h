// common.h: what all kernels share: the channel block, its vector type, loads, stores and small helpers.
//   Activations are [N][C/CB][H][W][CB]; a block that is not full is padded with zeros.
#ifndef COMMON_H
#define COMMON_H

#ifndef CB
#define CB 16  // channel block: 16 with AVX-512, 8 with AVX2, 4 on GPUs; smaller for tensors with fewer channels
#endif

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define DIV_UP(a, b) (((a) + (b)-1) / (b))

#if CB == 1
typedef float VEC;
typedef int IVEC;  // what comparisons of VEC give; VLOAD and VSTORE work for it too
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#else
typedef CAT(float, CB) VEC;
typedef CAT(int, CB) IVEC;
#define VLOAD(p) CAT(vload, CB)(0, p)
#define VSTORE(v, p) CAT(vstore, CB)(v, 0, p)
#endif

// Stores to memory aligned for VEC: a channel block of an activation or a weight array, a local array of VEC. PoCL
// makes one instruction of them; of vstore16 it makes five.
#define STORE_GLOBAL(v, p) (*(global VEC*)(p) = (v))
#define STORE_LOCAL(v, p) (*(local VEC*)(p) = (v))

// How activations lie in memory: as float, or in inference as half, which the core language converts on the way. All
// arithmetic is float. BLOCK names a block of another width than CB: how many channels, where.
#ifndef HALF_STORAGE
#define HALF_STORAGE 0  // 1: activations lie as half
#endif
#if HALF_STORAGE
#define ACTIVATION half
#define LOAD_ELEMENT(p) vload_half(0, p)
#define STORE_ELEMENT(v, p) vstore_half(v, 0, p)
#define LOAD_BLOCK_1(p) vload_half(0, p)
#define LOAD_BLOCK_2(p) vload_half2(0, p)
#define LOAD_BLOCK_4(p) vload_half4(0, p)
#define LOAD_BLOCK_8(p) vload_half8(0, p)
#define LOAD_BLOCK_16(p) vload_half16(0, p)
#define STORE_BLOCK_4(v, p) vstore_half4(v, 0, p)
#define STORE_BLOCK_16(v, p) vstore_half16(v, 0, p)
#if CB == 1
#define STORE_ACTIVATION(v, p) vstore_half(v, 0, p)
#else
#define STORE_ACTIVATION(v, p) CAT(vstore_half, CB)(v, 0, p)
#endif
#else
#define ACTIVATION float
#define LOAD_ELEMENT(p) (*(p))
#define STORE_ELEMENT(v, p) (*(p) = (v))
#define LOAD_BLOCK_1(p) (*(p))
#define LOAD_BLOCK_2(p) vload2(0, p)
#define LOAD_BLOCK_4(p) vload4(0, p)
#define LOAD_BLOCK_8(p) vload8(0, p)
#define LOAD_BLOCK_16(p) vload16(0, p)
#define STORE_BLOCK_4(v, p) vstore4(v, 0, p)
#define STORE_BLOCK_16(v, p) vstore16(v, 0, p)
#define STORE_ACTIVATION(v, p) STORE_GLOBAL(v, p)
#endif
#define LOAD_ACTIVATION(p) CAT(LOAD_BLOCK_, CB)(p)

// Brings what will be read soon into the cache while other work is done, where the compiler can say so.
#define PREFETCH(p)
#if defined(__has_builtin) && !defined(NO_PREFETCH)
#if __has_builtin(__builtin_prefetch)
#undef PREFETCH
#define PREFETCH(p) __builtin_prefetch(p)
#endif
#endif

// For tensors larger than the caches. STREAM 1: their next part is prefetched; 2: results go past the caches to memory,
// too, and displace nothing.
#ifndef STREAM
#define STREAM 0
#endif
#define STORE_RESULT(v, p) STORE_ACTIVATION(v, p)
#if STREAM == 2 && !HALF_STORAGE && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#undef STORE_RESULT
#define STORE_RESULT(v, p) __builtin_nontemporal_store(v, (global VEC*)(p))
#endif
#endif

// max(v, 0) of each element of a TYPE, float or a vector of floats. Not fmax, which drops NaN: it must come through.
#define RELU(TYPE, v) ((v) < (TYPE)(0.0f) ? (TYPE)(0.0f) : (v))

// Helpers with local arguments must become part of their kernel: some drivers go wrong where two kernels call one.
#define INLINE __attribute__((always_inline)) static inline

// A work-group of one work-item, for kernels of the CPU class: the item loops over a large tile itself. The vector hint
// keeps the full register width on drivers that would halve it.
#define CPU_KERNEL __attribute__((reqd_work_group_size(1, 1, 1))) __attribute__((vec_type_hint(VEC))) kernel

// Values that a consumer loads through a view: v = scale * x + shift by channel (batch norm), then an activation
// function: 0 none, 1 max(v, 0) (ReLU), 2 clipped to VIEW_LOW ... VIEW_HIGH, which have 0 between them.
#ifndef VIEW_AFFINE
#define VIEW_AFFINE 0
#endif
#ifndef VIEW_ACTIVATION
#define VIEW_ACTIVATION 0
#endif
#ifndef VIEW_LOW
#define VIEW_LOW 0.0f
#endif
#ifndef VIEW_HIGH
#define VIEW_HIGH 6.0f
#endif

// The activation functions by number. NaN comes through all of them.
#define ACTIVATION_0(TYPE, v, low, high) (v)
#define ACTIVATION_1(TYPE, v, low, high) RELU(TYPE, v)
#define ACTIVATION_2(TYPE, v, low, high) ((v) < (TYPE)(low) ? (TYPE)(low) : ((v) > (TYPE)(high) ? (TYPE)(high) : (v)))
#define VIEW_ACTIVATE(TYPE, v) CAT(ACTIVATION_, VIEW_ACTIVATION)(TYPE, v, VIEW_LOW, VIEW_HIGH)
// Where their gradient comes through, told by their result y.
#define PASSES_0(y, low, high) (IVEC)(-1)
#define PASSES_1(y, low, high) isgreater(y, (VEC)(0.0f))
#define PASSES_2(y, low, high) (isgreater(y, (VEC)(low)) & isless(y, (VEC)(high)))
#define VIEW_PASSES(y) CAT(PASSES_, VIEW_ACTIVATION)(y, VIEW_LOW, VIEW_HIGH)

// The scale or shift of one channel block; views without an affine part have none in memory.
#if VIEW_AFFINE
#define VIEW_VECTOR(p, block) VLOAD((p) + (block)*CB)
#else
#define VIEW_VECTOR(p, block) ((VEC)(0.0f))
#endif

static inline VEC view(VEC x, VEC scale, VEC shift) {
#if VIEW_AFFINE
  x = fma(x, scale, shift);
#endif
  return VIEW_ACTIVATE(VEC, x);
}

#endif
