// sgd: one step of stochastic gradient descent with momentum on a flat array of parameters.
// add_gradient: the sum of the gradients of several batches before such a step.
//   weights, gradient, velocity, sum [count]
//   global id: 0 = piece of PIECE values
//   g = gradient + weight_decay * weights;   velocity = momentum * velocity + g
//   weights -= learning_rate * velocity                    without nesterov
//   weights -= learning_rate * (g + momentum * velocity)   with nesterov (Sutskever et al. 2013, in PyTorch's form)
//   sum += gradient
// CB is only a vector width here.
#include "common.h"

#ifndef PIECE
#define PIECE 4096  // values of one work-item, a multiple of CB: many on CPUs, CB on GPUs
#endif

kernel void sgd(global float* weights, global const float* gradient, global float* velocity, uint count,
                float learning_rate, float momentum, float weight_decay, int nesterov) {
  const size_t begin = get_global_id(0) * PIECE, end = min(begin + PIECE, (size_t)count);
  size_t i = begin;
  for (; i + CB <= end; i += CB) {
    const VEC w = VLOAD(weights + i);
    const VEC g = fma((VEC)(weight_decay), w, VLOAD(gradient + i));
    const VEC v = fma((VEC)(momentum), VLOAD(velocity + i), g);
    VSTORE(v, velocity + i);
    VSTORE(fma((VEC)(-learning_rate), nesterov ? fma((VEC)(momentum), v, g) : v, w), weights + i);
  }
  for (; i < end; ++i) {
    const float g = fma(weight_decay, weights[i], gradient[i]);
    const float v = fma(momentum, velocity[i], g);
    velocity[i] = v;
    weights[i] = fma(-learning_rate, nesterov ? fma(momentum, v, g) : v, weights[i]);
  }
}

kernel void add_gradient(global float* sum, global const float* gradient, uint count) {
  const size_t begin = get_global_id(0) * PIECE, end = min(begin + PIECE, (size_t)count);
  size_t i = begin;
  for (; i + CB <= end; i += CB) VSTORE(VLOAD(sum + i) + VLOAD(gradient + i), sum + i);
  for (; i < end; ++i) sum[i] += gradient[i];
}
