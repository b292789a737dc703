#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "runtime/cascade/policy_weights.h"
#include "runtime/opencl/device.h"
#include "runtime/ops/sgd.h"
#include "trainer/batch_probabilities.h"

namespace cascadecl {

// Random policies for a cascade of `stages` stages, one fewer than stages, fixed by the seed. Hidden layers are uniform
// with variance 2 / inputs (He et al. 2015), the last one with variance 1 / (3 inputs), biases zero. So stopping and
// going on start almost equally likely. Half of the first layer's units are set to resolve high confidence instead
// (share/doc/policy.md). features [stages - 1 or more]: of each stage, for PolicyInput::features.
std::vector<Policy> initial_policies(int stages, PolicyInput input, int classes, int hidden, std::uint64_t seed,
                                     std::span<const int> features = {});

// The stopping policies of a cascade in training on one device. All of them go forward and backward in one launch
// each; sums run over the images in order, so that the same steps give the same bits.
//
// A policy decides by z = logit[stop] - logit[continue], its stop logit: pi = softmax(logits)[stop] = sigmoid(z). The
// gradient of a loss by the two logits is (g, -g), where g is its gradient by z.
class PolicyNet {
 public:
  // The policies have the same input, classes and hidden units (else ShapeError); their features may differ. A step has
  // at most max_batch images.
  PolicyNet(const Device& device, std::span<const Policy> policies, int max_batch);
  PolicyNet(PolicyNet&&) noexcept;
  PolicyNet& operator=(PolicyNet&&) noexcept;
  ~PolicyNet();

  // Enqueues the policies on n images, 1 <= n <= max_batch, and keeps what backward needs. Policy t reads stage t of
  // the probabilities. `permuted` input draws a permutation for each image and policy from seed and step.
  void forward(int n, const BatchProbabilities& probabilities, std::uint64_t seed, unsigned step);
  // The same for policy t alone; the other policies keep their activations.
  void forward_policy(int t, int n, const BatchProbabilities& probabilities, std::uint64_t seed, unsigned step);

  // All policies as at test time: `permuted` sees the classes in their own order. Invalidates what backward needs.
  void evaluate(int n, const BatchProbabilities& probabilities);

  // Of the last forward, [policies][max_batch]: the stop logits z, and the squared norms of the gradients of z by the
  // policy's parameters.
  const Array<float>& stop_logit() const;
  const Array<float>& score_norm() const;

  // Enqueues the gradient by the parameters: the sum over the n images of the last forward of stop_gradient times the
  // gradient of z. stop_gradient [policies][max_batch]; images with 0 are not read, whatever their activations hold.
  void backward(int n, const Array<float>& stop_gradient);

  // v = momentum v + (gradient + weight_decay w); w -= learning_rate v.
  void step(const SgdSettings& settings);

  // To the host (these wait), in the shape of the policies, and back.
  std::vector<Policy> policies() const;
  std::vector<Policy> momentum() const;
  std::vector<Policy> gradients() const;
  void set_policies(std::span<const Policy> policies);
  void set_momentum(std::span<const Policy> momentum);

  int count() const;
  int max_batch() const;
  int most_features() const;  // of its policies

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
