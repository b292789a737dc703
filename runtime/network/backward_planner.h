#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/batch_norm_mode.h"
#include "runtime/network/buffer_pool.h"
#include "runtime/network/plan_step.h"
#include "runtime/network/steps/step.h"

namespace cascadecl {

using GradientSlices = std::map<std::string, Array<float>, std::less<>>;  // by "layer/parameter"

// Lays out the launches of a backward pass, from the last step to the first. Each step receives the gradient by its
// output and passes on the gradients by its inputs. Gradients lie in buffers that are handed out again when nobody
// holds them. The gradient by a tensor is held plainly, with one exception: if the only reader of the tensor is a batch
// norm before a step that can read it so, it is held deferred: that batch norm is not applied yet.
class BackwardPlanner {
 public:
  using Launch = std::function<void(int n, BatchNormMode mode)>;
  struct Planned {
    PlanStep step;
    Launch launch;
  };
  // How the gradient by a tensor is held.
  struct Held {
    int buffer = -1;         // -1: nothing yet
    int deferred_norm = -1;  // >= 0: buffer is dy of this batch norm, not applied yet
    bool is_deferred() const { return deferred_norm >= 0; }
  };

  // Lays out everything, starting from the gradient by the logits. All arguments must outlive the planner, which must
  // stay where it is.
  BackwardPlanner(PassState& pass, const std::vector<std::unique_ptr<Step>>& steps, const ParameterStore& parameters,
                  GradientSlices parameter_gradients, const Array<float>& logit_gradient);
  BackwardPlanner(const BackwardPlanner&) = delete;
  BackwardPlanner& operator=(const BackwardPlanner&) = delete;

  const std::vector<Planned>& launches() const { return launches_; }
  const TuningUses& tuning_uses() const { return uses_; }
  void prepare_weights();                                       // after each change of the weights
  std::size_t weight_bytes() const;                             // of filters in layouts of their own
  std::size_t gradient_bytes() const { return pool_.bytes(); }  // of all buffers

  // For a step, while its backward pass is planned. Numbers name buffers.

  // The gradient by the step's output. It is plain, unless the step reads deferred ones.
  const Held& output_gradient() const;
  // Whether anything before this view learns: the image does not, but a batch norm on it does.
  static bool needs_gradient(const LoweredView& in) { return in.tensor > 0 || in.batch_norm >= 0; }
  // A buffer for the gradient by the value of a view. The step holds it until it passes it on.
  int take(const LoweredView& in) { return pool_.take(pass_.elements(in.tensor)); }
  // Passes on a buffer with the gradient by the value of a view. It is masked, taken back through the batch norm and
  // added to the gradient by the tensor.
  void pass_on(const LoweredView& in, int buffer);
  // The same for a launch that has masked it already and, with a batch norm, has written its sums to pass.moments().
  void pass_on_masked(const LoweredView& in, int buffer);
  // The same where the gradient by the view's value equals the gradient by the step's output.
  void pass_on_output(const LoweredView& in);

  // Appends a launch of the step. mmac: multiply-adds for one image.
  void add(std::string operation, Launch launch, const VariantChoice& choice = {}, double mmac = 0);
  // Registers work for each change of the weights; it reads a parameter of the step's layer.
  void prepare_with(std::string_view parameter, std::size_t bytes, std::function<void(const Array<float>&)> prepare);
  // Kernels with tunables that the launches run.
  void add_uses(TuningUses uses);
  // Asks for a workspace of this size, which all launches share.
  void reserve_workspace(std::size_t floats) { workspace_floats_ = std::max(workspace_floats_, floats); }
  // The array for the gradient by a parameter of the step's layer.
  const Array<float>& parameter_gradient(std::string_view parameter) const;

  // For launches, while they run.

  const Array<float>& operator[](int buffer) const { return pool_[buffer]; }
  // The gradient by a tensor that was held like this.
  Gradient gradient(int tensor, const Held& held) const;
  // The mask and sums for the gradient by a view's value.
  ConvMask mask(const LoweredView& in) const;
  const Array<float>& workspace() const { return workspace_; }

 private:
  struct Filters {
    std::string parameter;
    std::size_t bytes;
    std::function<void(const Array<float>& weight)> prepare;
  };

  void plan(Step& step);
  void apply_batch_norm(const LoweredView& in, int buffer);
  void contribute(int tensor, int buffer);
  bool can_stay_deferred(const LoweredView& in) const;
  void apply_deferred(int tensor);
  Held& held(int tensor) { return held_[to_size(tensor)]; }
  std::string parameter_name(int layer, std::string_view parameter) const;

  PassState& pass_;
  const std::vector<std::unique_ptr<Step>>& steps_;
  const ParameterStore& parameters_;
  GradientSlices parameter_gradients_;
  BufferPool pool_;
  std::vector<Held> held_;      // by tensor
  std::set<int> seen_norms_;    // whose gradients were written before
  const Step* step_ = nullptr;  // being planned
  std::vector<Filters> filters_;
  std::size_t workspace_floats_ = 0;
  Array<float> workspace_;
  std::vector<Planned> launches_;
  TuningUses uses_;
};

}  // namespace cascadecl
