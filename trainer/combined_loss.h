#pragma once
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// The cross-entropy of the answers that a cascade's stages give together, and its gradient (share/doc/policy.md):
//   J = mean over images of sum over exits k of rho_k (-log A_k[label]),  A_k = softmax(sum over t <= k of w_kt log
//   C_t)
// rho_k is how much exit k of an image matters. It is held constant.
class CombinedLoss {
 public:
  // At most 64 stages.
  CombinedLoss(const Device& device, int stages, int classes, int max_batch);

  // weights [stages][stages]: w_kt, zeros behind k.
  void set_weights(const CombinationWeights& weights);

  // Enqueues answers() of n images. probabilities [stages][max_batch][classes].
  void combine(int n, const Array<float>& probabilities);
  // The same by other weights, into rows [stages][max_batch][classes]: what policies see.
  void combine(int n, const Array<float>& probabilities, const Array<float>& weights, const Array<float>& rows);

  // rho_k = 1 for all.
  void weigh_alike();
  // rho_k = floor + (1 - floor) Pi_k / (mean over the n images of Pi_k): an image counts for an exit where it is likely
  // to leave, and a little everywhere. Pi_k follows from the stop logits [stages - 1][max_batch]. 0 <= floor <= 1.
  void weigh_by_exit(int n, float floor, const Array<float>& stop_logit);

  // loss [n] is each image's term of J; correct [n] is 1 where the last answer is right. labels [n].
  void run(int n, const Array<int>& labels, const Array<float>& loss, const Array<float>& correct);
  // gradient [n][classes] of scale * (sum of the losses) by the logits of a stage whose softmax is C_t.
  void gradient(int n, int stage, float scale, const Array<int>& labels, const Array<float>& gradient);

  const Array<float>& answers() const { return answers_; }  // [stages][max_batch][classes]

 private:
  Device device_;
  int stages_, classes_, max_batch_;
  Array<float> weights_, answers_, importance_;
  Kernel combine_, exit_importance_, loss_, gradient_;
};

}  // namespace cascadecl
