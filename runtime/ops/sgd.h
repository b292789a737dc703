#pragma once
#include "runtime/ops/piece.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

struct SgdSettings {
  float learning_rate = 0.1f;
  float momentum = 0.9f;       // v = momentum * v + g;  w -= learning_rate * v
  float weight_decay = 1e-4f;  // g += weight_decay * w, on every trained parameter
  bool nesterov = false;       // w -= learning_rate * (g + momentum * v) instead
};

// Stochastic gradient descent with momentum on flat arrays, one launch a step.
class Sgd {
 public:
  // For `count` weights.
  Sgd(const Device& device, std::size_t count);
  // Updates weights and velocity [count] by gradient [count], which it does not change.
  void step(const Array<float>& weights, const Array<float>& gradient, const Array<float>& velocity,
            const SgdSettings& settings);
  // The same for weights `first` ... first + count - 1 of them alone; `first` is a multiple of Device::slice_step().
  void step_part(std::size_t first, std::size_t count, const Array<float>& weights, const Array<float>& gradient,
                 const Array<float>& velocity, const SgdSettings& settings);
  // sum += gradient, both [count].
  void add(const Array<float>& sum, const Array<float>& gradient);
  const VariantChoice& choice() const { return choice_; }
  static PieceProblem step_problem(const Device& device, std::size_t count);

 private:
  void run(std::size_t count, const Array<float>& weights, const Array<float>& gradient, const Array<float>& velocity,
           const SgdSettings& settings);

  Device device_;
  std::size_t count_;
  VariantChoice choice_;
  Piece piece_;
  Kernel kernel_, add_;
};

}  // namespace cascadecl
