// conv_shape.h: the shape of a convolution that is computed by definition, shared by the kernels of the direct family.
#ifndef CONV_SHAPE_H
#define CONV_SHAPE_H

#ifndef IN_CB
#define IN_CB CB  // channel block of the input
#endif
#ifndef C_CHANNELS
#define C_CHANNELS 16  // input channels
#endif
#ifndef K_CHANNELS
#define K_CHANNELS 16  // output channels
#endif
#ifndef HEIGHT
#define HEIGHT 32  // of the input
#endif
#ifndef WIDTH
#define WIDTH 32
#endif
#ifndef OUT_HEIGHT
#define OUT_HEIGHT 32
#endif
#ifndef OUT_WIDTH
#define OUT_WIDTH 32
#endif
#ifndef KERNEL_H
#define KERNEL_H 3
#endif
#ifndef KERNEL_W
#define KERNEL_W 3
#endif
#ifndef STRIDE
#define STRIDE 1
#endif
#ifndef PADDING
#define PADDING 1
#endif
#ifndef CHANNEL_GROUPS
#define CHANNEL_GROUPS \
  1  // input and output channels fall into so many equal groups that have nothing to do with others
#endif

#define GROUP_INPUTS (C_CHANNELS / CHANNEL_GROUPS)   // input channels of a group: each output channel reads so many
#define GROUP_OUTPUTS (K_CHANNELS / CHANNEL_GROUPS)  // output channels of a group

#endif
