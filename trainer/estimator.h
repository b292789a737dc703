#pragma once
#include <cstdint>
#include <vector>

#include "runtime/opencl/device.h"
#include "trainer/batch_probabilities.h"
#include "trainer/policy_learning.h"

namespace cascadecl {

// The cost of leaving at each stage: sums of relative_costs (F_t, cost of stage t and its policy divided by the largest
// stage's).
std::vector<double> exit_costs(const std::vector<double>& relative_costs, CostThrough through);

struct EstimatorSettings {
  PolicyLearning learning;      // of which it takes what the reward is, and how its gradient is estimated
  std::uint64_t seed = 1;       // of exits and labels drawn
  bool class_gradient = false;  // the classifiers learn too (joint phase)
};

// Computes the gradient of minus the expected reward, averaged over a batch, by stop logits and by class logits. What a
// policy sees is taken as given: no gradient goes through a policy into the classifier before it. Draws depend only on
// seed, step, stage and the image's place in the batch.
class Estimator {
 public:
  // relative_costs: one for each stage; at most 64. Throws UsageError if a setting is out of range.
  Estimator(const Device& device, const EstimatorSettings& settings, const std::vector<double>& relative_costs,
            int classes, int max_batch);

  // The inputs for a batch. reinforce never reads label probabilities and policies of stages that an image does not
  // reach, so they need not be computed and may hold anything.
  struct Batch {
    int n = 0;                         // 1..max_batch
    BatchProbabilities probabilities;  // of all stages
    Array<int> labels;                 // [probabilities.rows], in rows like them
    Array<float> stop_logit;           // [stages - 1][max_batch], of PolicyNet
    Array<float> score_norm;           // [stages - 1][max_batch], of PolicyNet; read by reinforce
    Array<float> feature_norm;         // [stages][max_batch], see squared_norms; empty: taken as 0
  };

  // Enqueues the estimate: fills stop_gradient() and, if asked for, class_gradient(). `entropy` is the weight of the
  // entropy bonus: the objective gains entropy * H(pi_t) for each stage t that an image reaches (reinforce), or in
  // proportion to its probability of reaching it, held constant (exact).
  void run(const Batch& batch, double entropy, unsigned step);

  // For sampling stage by stage: keep[i] = 1 if image i of n goes on after stage `last` in this step, else 0. It draws
  // as run() with reinforce will. Reads stop_logit of stages 0..last, of images that reach them.
  void survivors(int n, int last, const Array<float>& stop_logit, unsigned step, const Array<int>& keep);

  // norms[stage][i] = |row i of rows [n][count]|^2, for Batch::feature_norm [stages][max_batch].
  void squared_norms(int n, int count, const Array<float>& rows, int stage, const Array<float>& norms);

  // For images of a whole table, from stop logits of n of them: see stopping_outcome in kernels/exact.cl.
  // outcome [3][probabilities.rows]: expected reward; exit where pi >= 1/2; 1 if the answer there is among the top_k.
  void outcome(const Batch& batch, const Array<float>& outcome);

  const Array<float>& stop_gradient() const { return stop_gradient_; }    // [stages - 1][max_batch]
  const Array<float>& class_gradient() const { return class_gradient_; }  // [stages][max_batch][classes]
  const Array<int>& exits() const { return exits_; }                      // [max_batch], drawn by reinforce
  const Array<float>& reward() const { return reward_; }                  // [max_batch]; exact: expected reward

 private:
  Device device_;
  EstimatorSettings settings_;
  int stages_, max_batch_;
  Array<float> exit_penalty_, stop_gradient_, class_gradient_, reward_, weight_;
  Array<int> exits_, drawn_;
  Kernel sample_, gradient_, survivors_, exact_, outcome_, squared_norms_;
};

}  // namespace cascadecl
