#pragma once
#include <memory>
#include <string_view>

#include "runtime/network/lowering.h"
#include "runtime/network/steps/pass_state.h"
#include "runtime/ops/trials/tuning_use.h"
#include "runtime/ops/variant.h"

namespace cascadecl {

class BackwardPlanner;

// One step of a pass on a device: an operation, and which tensors it reads and writes. A pass is a list of steps, and
// knows of them no more than this.
class Step {
 public:
  // Both must outlive the step.
  Step(PassState& pass, const LoweredStep& lowered) : pass_(pass), lowered_(lowered) {}
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  const LoweredStep& lowered() const { return lowered_; }

  // Enqueues the step for the first n images.
  virtual void forward(int n) = 0;
  // Whether forward() also measures the first output for batch norm, as moments().
  virtual bool measures_output() const { return false; }
  // Enqueues what depends on the parameters alone: after each change of them.
  virtual void prepare_weights() {}
  // The same for what depends on the frozen batch norms.
  virtual void prepare_frozen_norms() {}

  // A step that takes each image on its own may run images first ... first + n - 1 ahead of the others, on another
  // queue of the device. Whether it can, whether it would where a batch of n is run, and that.
  virtual bool can_run_apart() const { return false; }
  virtual bool runs_apart(int /*n*/) const { return false; }
  virtual void forward_share(int /*first*/, int /*n*/, const cl::CommandQueue& /*queue*/) {}

  // Which kernel runs, and why.
  virtual VariantChoice choice() const { return {}; }
  // Of parameters in layouts of the step's own.
  virtual std::size_t weight_bytes() const { return 0; }

  // Its kernels with tunables that forward() runs.
  virtual TuningUses tuning_uses() const { return {}; }

  // Whether the launches of plan_backward() can read the gradient by the first output while it is deferred
  // (conv_gradient.h).
  virtual bool reads_deferred() const { return false; }
  // Lays out the launches that compute the gradients by the inputs and parameters from that by the output. Steps that
  // only inference has do not learn.
  virtual void plan_backward(BackwardPlanner& /*plan*/) {}

 protected:
  PassState& pass() const { return pass_; }
  const LoweredView& in(std::size_t i = 0) const { return lowered_.inputs[i]; }
  int out() const { return lowered_.out(); }

 private:
  PassState& pass_;
  const LoweredStep& lowered_;
};

// How steps of one kind are made. A kind is defined beside its step; those that more than one file names are here.
struct StepKind {
  std::string_view name;
  std::unique_ptr<Step> (*make)(PassState& pass, const LoweredStep& lowered);
};

extern const StepKind convolution_step;  // one input, or a second one that is added to the result
extern const StepKind add_step;
extern const StepKind pool_step;
extern const StepKind global_pool_step;     // writes rows
extern const StepKind dense_step;           // reads and writes rows
extern const StepKind materialize_step;     // writes what a view gives
extern const StepKind residual_block_step;  // inference only

// The kind of steps of one class.
template <class T>
constexpr StepKind step_kind(std::string_view name) {
  return {name, [](PassState& pass, const LoweredStep& lowered) -> std::unique_ptr<Step> {
            return std::make_unique<T>(pass, lowered);
          }};
}

}  // namespace cascadecl
