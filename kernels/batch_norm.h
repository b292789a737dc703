// batch_norm.h: what the kernels of batch normalisation share.
//   Consumers apply y = scale * x + shift while loading (views), so the forward pass only prepares scale and shift.
#ifndef BATCH_NORM_H
#define BATCH_NORM_H
#include "channels.h"

#ifndef EPSILON
#define EPSILON 1e-5f
#endif

#endif
