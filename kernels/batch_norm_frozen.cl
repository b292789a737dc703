// batch_norm_frozen: coefficients of batch normalisation by the running statistics (Ioffe and Szegedy 2015), all that
//   inference needs of it. Vectors over channels are [C/CB * CB], zero in the padding.
#include "batch_norm.h"

// Scale and shift from the running statistics. global id: 0 = channel block
kernel void bn_prepare_frozen(global const float* restrict gamma, global const float* restrict beta,
                              global const float* restrict running_mean, global const float* restrict running_variance,
                              global float* restrict scale, global float* restrict shift, global float* restrict mean,
                              global float* restrict inverse_std) {
  const int b = get_global_id(0);
  const VEC m = load_channels(running_mean, b);
  const VEC inverse = (VEC)(1.0f) / sqrt(load_channels(running_variance, b) + EPSILON);
  const VEC s = load_channels(gamma, b) * inverse;
  VSTORE(s, scale + b * CB);
  VSTORE(fma(-m, s, load_channels(beta, b)), shift + b * CB);
  VSTORE(m, mean + b * CB);
  VSTORE(inverse, inverse_std + b * CB);
}
