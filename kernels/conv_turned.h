// conv_turned.h: what a kernel computes beside the convolution of conv_shape.h: on turned filters its gradient by the
// input, and an addition to the result. Shared by conv_gemm.cl and conv_grouped.cl.
//   SPREAD > 1 is the gradient by the input of a convolution with that stride: the source pixels lie SPREAD apart with
//   zeros between, filters are turned by 180 degrees and STRIDE is 1.
#ifndef CONV_TURNED_H
#define CONV_TURNED_H
#include "conv_shape.h"

#ifndef PADDING_Y
#define PADDING_Y 1  // may be negative
#endif
#ifndef PADDING_X
#define PADDING_X 1
#endif
#ifndef SPREAD
#define SPREAD 1  // distance of source pixels
#endif
#ifndef RESIDUAL
#define RESIDUAL 0  // 1: residual, like dst, is added to the result
#endif
#ifndef BIAS
#define BIAS 0  // 1: the bias [K padded] behind the weights is added to the result
#endif

#define K_BLOCKS DIV_UP(K_CHANNELS, CB)
#define K_PADDED (K_BLOCKS * CB)

#endif
