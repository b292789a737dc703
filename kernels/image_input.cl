// image_input: 8-bit images to normalised activations, as they are or augmented.
//   images uchar [N][C][H][W]   scale, shift [C padded to CB]   out [N][C/CB][H][W][CB]
//   global id: 0 = row y, 1 = n * (C/CB) + c/CB
//   normalise  out[n,c,y,x] = scale[c] * images[first + n,c,y,x] + shift[c]; padding channels have scale and shift 0
//   gather     the same of image places[first + n]: those that go on to the next stage, wherever they lie
//              Both take 16 pixels at once where blocks are of 4 channels, else and at the end of a row one by one.
//   augment    the same of the image framed by `pad` black pixels (value 0), cut to H x W at a random place (one of
//              2 pad + 1 rows and columns), mirrored or not, and with one square of `cutout` pixels set to the mean.
//              flip 0: never mirrored. flip 1: mirrored with probability 1/2. flip 2: mirrored in every other epoch, a
//              random half of the images in the even epochs and the other half in the odd ones.
//              The square's centre is any pixel with equal probability; what lies outside the image is cut off
//              (DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout").
//              random words: Philox4x32-10, key (key_low, key_high), counter (indices[n], epoch, k, STREAM_AUGMENT)
//              k = 0: word 0 gives the crop's row, word 1 its column, the top bit of word 2 the mirroring of flip 1
//              k = 1: word 0 gives the row of the square's centre, word 1 its column
//              k = 2, with epoch 0: the top bit of word 0 gives the mirroring of flip 2 in even epochs
#include "common.h"
#include "philox.h"

#ifndef CHANNELS
#define CHANNELS 3
#endif
#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define STREAM_AUGMENT 0x41554721u  // keeps these random words apart from others of the same seed
#define FLIP_RANDOM 1
#define FLIP_ALTERNATE 2

// Writes row y of one channel block: column x from column (mirror ? W-1-x : x) + dx of row y + dy, 0 outside the image.
static inline void write_row(global const uchar* image, global const float* scale, global const float* shift,
                             global ACTIVATION* row, int block, int y, int dy, int dx, bool mirror) {
  const int source_y = y + dy, first = mirror ? WIDTH - 1 + dx : dx;
  const bool inside_y = source_y >= 0 && source_y < HEIGHT;
  // Columns [begin, end) come from the image.
  const int begin = clamp(mirror ? dx : -dx, 0, WIDTH);
  const int end = inside_y ? clamp(mirror ? WIDTH + dx : WIDTH - dx, begin, WIDTH) : begin;
  for (int i = 0; i < CB; ++i) {
    const int c = block * CB + i;
    const float a = scale[c], b = shift[c];
    for (int x = 0; x < begin; ++x) STORE_ELEMENT(b, row + x * CB + i);
    for (int x = end; x < WIDTH; ++x) STORE_ELEMENT(b, row + x * CB + i);
    global const uchar* source = image + (c * HEIGHT + source_y) * WIDTH + first;
    if (c < CHANNELS && mirror) {
      for (int x = begin; x < end; ++x) STORE_ELEMENT(fma((float)source[-x], a, b), row + x * CB + i);
    } else if (c < CHANNELS) {
      for (int x = begin; x < end; ++x) STORE_ELEMENT(fma((float)source[x], a, b), row + x * CB + i);
    } else {
      for (int x = begin; x < end; ++x) STORE_ELEMENT(b, row + x * CB + i);
    }
  }
}

// Pixel x of one channel block of an image as it is, its channels stored together.
static inline void write_pixel(global const uchar* source, global const float* scale, global const float* shift,
                               global ACTIVATION* row, int block, int x) {
  for (int i = 0; i < CB; ++i) {
    const int c = block * CB + i;
    const float pixel = c < CHANNELS ? (float)source[i * (HEIGHT * WIDTH) + x] : 0.0f;
    STORE_ELEMENT(fma(pixel, scale[c], shift[c]), row + x * CB + i);
  }
}

#if CB == 4
// One channel of 16 pixels from column x on; 0 of a channel that only fills the block.
static inline float16 read_channel(global const uchar* source, global const float* scale, global const float* shift,
                                   int block, int i, int x) {
  const int c = block * CB + i;
  if (c >= CHANNELS) return (float16)(0.0f);
  return fma(convert_float16(vload16(0, source + i * (HEIGHT * WIDTH) + x)), (float16)(scale[c]), (float16)(shift[c]));
}

// 16 pixels from column x on, read channel by channel and turned in registers.
static inline void write_pixels(global const uchar* source, global const float* scale, global const float* shift,
                                global ACTIVATION* row, int block, int x) {
  const float16 c0 = read_channel(source, scale, shift, block, 0, x);
  const float16 c1 = read_channel(source, scale, shift, block, 1, x);
  const float16 c2 = read_channel(source, scale, shift, block, 2, x);
  const float16 c3 = read_channel(source, scale, shift, block, 3, x);
#define PIXEL(p) c0.p, c1.p, c2.p, c3.p
#define WRITE_PIXELS(part, s, t, u, v) \
  STORE_BLOCK_16((float16)(PIXEL(s), PIXEL(t), PIXEL(u), PIXEL(v)), row + (x + part) * CB);
  WRITE_PIXELS(0, s0, s1, s2, s3)
  WRITE_PIXELS(4, s4, s5, s6, s7)
  WRITE_PIXELS(8, s8, s9, sa, sb)
  WRITE_PIXELS(12, sc, sd, se, sf)
#undef WRITE_PIXELS
#undef PIXEL
}
#endif

// Row y of one channel block of an image as it is.
static inline void write_plain_row(global const uchar* image, global const float* scale, global const float* shift,
                                   global ACTIVATION* row, int block, int y) {
  global const uchar* source = image + (block * CB * HEIGHT + y) * WIDTH;
  int x = 0;
#if CB == 4
  for (; x + 16 <= WIDTH; x += 16) write_pixels(source, scale, shift, row, block, x);
#endif
  for (; x < WIDTH; ++x) write_pixel(source, scale, shift, row, block, x);
}

// Sets the pixels of row y that lie in the square around a random pixel to the mean, which is 0 after normalisation.
static inline void cut_out(global ACTIVATION* row, int y, uint index, uint epoch, uint2 key, int size) {
  const uint4 random = philox4x32_10((uint4)(index, epoch, 1u, STREAM_AUGMENT), key);
  const int top = philox_below(random.x, HEIGHT) - size / 2, left = philox_below(random.y, WIDTH) - size / 2;
  if (y < top || y >= top + size) return;
  const int begin = max(left, 0) * CB, end = min(left + size, WIDTH) * CB;
  for (int i = begin; i < end; ++i) STORE_ELEMENT(0.0f, row + i);
}

// Whether an image is mirrored in this epoch.
static inline bool mirrored(int flip, uint random, uint index, uint epoch, uint2 key) {
  if (flip == FLIP_RANDOM) return random >> 31;
  if (flip == FLIP_ALTERNATE)
    return (philox4x32_10((uint4)(index, 0u, 2u, STREAM_AUGMENT), key).x >> 31) != (epoch & 1u);
  return false;
}

kernel void normalise(global const uchar* restrict images, global const float* restrict scale,
                      global const float* restrict shift, global ACTIVATION* restrict out, int first) {
  const int y = get_global_id(0);
  const size_t plane = get_global_id(1), n = first + plane / BLOCKS;
  write_plain_row(images + n * (CHANNELS * HEIGHT * WIDTH), scale, shift, out + (plane * HEIGHT + y) * (WIDTH * CB),
                  (int)(plane % BLOCKS), y);
}

kernel void gather(global const uchar* restrict images, global const int* restrict places,
                   global const float* restrict scale, global const float* restrict shift,
                   global ACTIVATION* restrict out, int first) {
  const int y = get_global_id(0);
  const size_t plane = get_global_id(1), n = places[first + plane / BLOCKS];
  write_plain_row(images + n * (CHANNELS * HEIGHT * WIDTH), scale, shift, out + (plane * HEIGHT + y) * (WIDTH * CB),
                  (int)(plane % BLOCKS), y);
}

kernel void augment(global const uchar* images, global const int* indices, global const float* scale,
                    global const float* shift, global ACTIVATION* out, uint epoch, uint key_low, uint key_high, int pad,
                    int flip, int cutout) {
  const int y = get_global_id(0);
  const size_t plane = get_global_id(1), n = plane / BLOCKS;
  const uint index = (uint)indices[n];
  const uint2 key = (uint2)(key_low, key_high);
  const uint4 random = philox4x32_10((uint4)(index, epoch, 0u, STREAM_AUGMENT), key);
  global ACTIVATION* row = out + (plane * HEIGHT + y) * (WIDTH * CB);
  write_row(images + n * (CHANNELS * HEIGHT * WIDTH), scale, shift, row, (int)(plane % BLOCKS), y,
            philox_below(random.x, 2 * pad + 1) - pad, philox_below(random.y, 2 * pad + 1) - pad,
            mirrored(flip, random.z, index, epoch, key));
  if (cutout > 0) cut_out(row, y, index, epoch, key, cutout);
}
