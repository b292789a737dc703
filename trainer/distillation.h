#pragma once
#include "runtime/opencl/device.h"
#include "runtime/opencl/half.h"

namespace cascadecl {

// The part of a stage's loss that follows a teacher (Hinton et al. 2015; share/doc/policy.md). With the teacher's
// answer q, the stage's p, and q_T, p_T proportional to q^(1/T), p^(1/T):
//   loss = (1 - share) (loss by the labels) + share T^2 KL(q_T || p_T)
class Distillation {
 public:
  // share: 0 to 1. temperature T: above 0.
  Distillation(const Device& device, int classes, double share, double temperature);

  // After CrossEntropy::run() with the same weight: turns its loss [n] and gradient [n][classes] into those of the loss
  // above. logits [n][classes]; teacher [n][classes]: log q, up to a constant for each image.
  void run(int n, const Array<float>& logits, const Array<Half>& teacher, float weight, const Array<float>& loss,
           const Array<float>& gradient);

 private:
  Device device_;
  float share_, temperature_;
  Kernel kernel_;
};

}  // namespace cascadecl
