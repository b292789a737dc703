// channels.h: values by channel, as the model file has them ([C]) and as kernels work with them ([C/CB * CB], zero in
// the padding). BLOCKS and PADDED are the number of channel blocks and of channels with the padding.
#ifndef CHANNELS_H
#define CHANNELS_H
#include "common.h"

#ifndef CHANNELS
#define CHANNELS 16
#endif
#define BLOCKS DIV_UP(CHANNELS, CB)
#define PADDED (BLOCKS * CB)

// Channels of a block that are there, from an array without padding.
static inline VEC load_channels(global const float* values, int block) {
  float lanes[CB];
  for (int i = 0; i < CB; ++i) lanes[i] = block * CB + i < CHANNELS ? values[block * CB + i] : 0.0f;
  return VLOAD(lanes);
}

static inline void store_channels(VEC v, global float* values, int block) {
  float lanes[CB];
  VSTORE(v, lanes);
  for (int i = 0; i < CB && block * CB + i < CHANNELS; ++i) values[block * CB + i] = lanes[i];
}

#endif
