#pragma once
#include "runtime/opencl/device.h"

namespace cascadecl {

struct SgdSettings {
  float learning_rate = 0.1f;
  float momentum = 0.9f;       // v = momentum * v + g;  w -= learning_rate * v
  float weight_decay = 1e-4f;  // g += weight_decay * w, on every trained parameter
};

// Stochastic gradient descent with momentum on flat arrays, one launch a step.
class Sgd {
 public:
  explicit Sgd(const Device& device);
  // Updates weights and velocity [count] by gradient [count], which is left as it is.
  void step(std::size_t count, const Array<float>& weights, const Array<float>& gradient, const Array<float>& velocity,
            const SgdSettings& settings);

 private:
  Device device_;
  Kernel kernel_;
};

}  // namespace cascadecl
