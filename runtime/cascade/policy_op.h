#pragma once
#include "runtime/cascade/model.h"
#include "runtime/cascade/policy_weights.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// A stopping policy on one device, for inference (paper, 4.3). One launch for the whole policy, whatever its input.
class PolicyOp {
 public:
  // Copies the weights to the device. Throws ShapeError if the policy's arrays do not fit its classes, features and
  // hidden units.
  PolicyOp(const Device& device, const Policy& policy, int max_batch);
  PolicyOp(const Device& device, const Policy& policy, int max_batch, const PolicyTiling& tiling);

  // Enqueues stop_probability[i] = softmax(logits(probabilities of image i))[stop] for i < n.
  //   probabilities    [n][classes]  label probabilities, none negative
  //   features         [n][features] pooled features of the stage; empty for a policy that sees none
  //   stop_probability [n]           overwritten
  // Throws ShapeError if n is not in 0..max_batch or an array is too small. n == 0 runs no kernel.
  void run(int n, const Array<float>& probabilities, const Array<float>& features,
           const Array<float>& stop_probability);

 private:
  int classes_, features_, max_batch_;
  std::size_t lanes_;
  Array<float> weights_;
  Kernel kernel_;
};

}  // namespace cascadecl
