#pragma once
#include "runtime/cascade/model.h"
#include "runtime/cascade/policy_weights.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// A stopping policy on one device, for inference (paper, 4.3). One launch for the whole policy, whatever its input.
class PolicyOp {
 public:
  // Copies the weights to the device. own_weight: w_kk of the combination (model.h) at the policy's stage k, for
  // PolicyInput::combined. Throws ShapeError if the policy's arrays do not fit its classes, features and hidden units.
  PolicyOp(const Device& device, const Policy& policy, int max_batch, double own_weight = 1);
  PolicyOp(const Device& device, const Policy& policy, int max_batch, double own_weight, const PolicyTiling& tiling);

  // What the policy sees of n images.
  struct Input {
    Array<float> probabilities;  // [n][classes], of the labels; none negative
    Array<float> features = {};  // [n][features], pooled ones of the stage; empty for a policy that sees none
    Array<float> earlier = {};   // [n][classes], see pool_earlier(); empty for a policy that sees one stage
  };
  // Enqueues stop_probability[i] = softmax(logits(input of image i))[stop] for i < n.
  //   stop_probability [n]  overwritten
  // Throws ShapeError if n is not in 0..max_batch or an array is too small. n == 0 runs no kernel.
  void run(int n, const Input& input, const Array<float>& stop_probability);

 private:
  int classes_, features_, max_batch_;
  bool combined_;
  float own_weight_;
  std::size_t lanes_;
  Array<float> weights_;
  Kernel kernel_;
};

}  // namespace cascadecl
