#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/network/buffer_pool.h"
#include "runtime/network/forward_pass.h"
#include "runtime/ops/conv_backward.h"

namespace cascadecl {

// The gradients of a forward pass, laid out once as a list of launches. The gradient by a tensor is held plainly, or,
// where its only reader is a batch norm before a convolution that can read a pair, as the not yet applied batch-norm
// backward.
class BackwardPass {
 public:
  // Holds on to `forward`, which must stay where it is. logit_gradient: what the launches start from.
  BackwardPass(const Device& device, ForwardPass& forward, const ParameterStore& parameters,
               std::map<std::string, Array<float>, std::less<>> parameter_gradients, const Array<float>& logit_gradient,
               int max_batch, KernelClass kernels);

  void prepare_weights();  // after each change of the convolutions' weights
  // Fills all parameter gradients from the logits' gradient of the last forward run of n images in `mode`.
  // With a clock it waits for the device after each step.
  void run(int n, BatchNormMode mode, StepClock* clock = nullptr);
  std::vector<PlanStep> steps() const;  // in the order they run
  std::size_t weight_bytes() const;     // transformed filters
  std::size_t gradient_bytes() const { return pool_.bytes(); }

 private:
  // How the gradient by a tensor is held while the launches are laid out.
  struct Held {
    int buffer = -1;     // -1: nothing yet
    int pair_norm = -1;  // >= 0: buffer is dy of this batch norm, not applied yet
  };
  using Launch = std::function<void(int n, BatchNormMode mode)>;
  struct Planned {
    PlanStep step;
    Launch launch;
  };

  // Whether something behind this way of reading a tensor learns: the image does not, a batch norm on it does.
  static bool needs_gradient(const LoweredView& in) { return in.tensor > 0 || in.batch_norm >= 0; }
  void plan_step(std::size_t s);
  void plan_convolution(const LoweredStep& step);
  // declined: what would have computed this gradient together with another.
  void plan_data_gradient(const LoweredStep& step, const Held& out, std::vector<Declined> declined);
  void plan_filter_gradient(const LoweredStep& step, const Held& out, std::vector<Declined> declined);
  void plan_both_gradients(const LoweredStep& step, const Held& out);
  // What the gradient by the value of a view must be masked and summed with.
  ConvMask mask(const LoweredView& in);
  void plan_dense(std::size_t s);
  void plan_operand(const LoweredView& in, int buffer);
  // buffer = gradient by the value that a view gives; passes it on to the view's tensor. Takes over the hold.
  void propagate(const LoweredView& in, int buffer);
  void finish_norm(const LoweredView& in, int buffer);
  void contribute(int tensor, int buffer);
  bool can_stay_pair(const LoweredView& in) const;
  bool reads_pair(const LoweredStep& step) const;
  void apply_pair(int tensor);
  Gradient gradient(int tensor, const Held& held);
  Held& held(int tensor) { return held_[static_cast<std::size_t>(tensor)]; }
  std::size_t floats(int tensor) const { return forward_.tensor_elements(tensor); }
  // Appends a launch that belongs to the layers being planned.
  void add(std::string operation, Launch launch, const VariantChoice& choice = {}, double mmac = 0);
  double mmac(const LoweredStep& step) const;  // of a convolution, for one image

  Device device_;
  ForwardPass& forward_;
  const ParameterStore& parameters_;
  std::map<std::string, Array<float>, std::less<>> parameter_gradients_;
  int max_batch_;
  KernelClass kernels_;
  BufferPool pool_;
  std::vector<Held> held_;  // by tensor
  std::set<int> seen_norms_;
  // Filters that a convolution's gradient reads in a layout of its own, and which parameter they come from.
  struct Filters {
    std::string parameter;
    std::size_t bytes;
    std::function<void(const Array<float>& weight)> prepare;
  };
  std::vector<Filters> filters_;
  std::size_t workspace_floats_ = 0;
  Array<float> workspace_;
  const LoweredStep* planned_ = nullptr;  // the step whose gradients are being planned
  std::vector<Planned> launches_;
};

}  // namespace cascadecl
