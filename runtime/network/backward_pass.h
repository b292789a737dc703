#pragma once
#include <vector>

#include "runtime/network/backward_planner.h"
#include "runtime/network/forward_pass.h"

namespace cascadecl {

// The gradients of a forward pass, laid out once as a list of launches.
class BackwardPass {
 public:
  // Keeps references: `forward` and the pass itself must stay where they are. The launches start from logit_gradient.
  BackwardPass(ForwardPass& forward, const ParameterStore& parameters, GradientSlices parameter_gradients,
               const Array<float>& logit_gradient)
      : plan_(forward.state(), forward.steps(), parameters, std::move(parameter_gradients), logit_gradient) {}

  void prepare_weights() { plan_.prepare_weights(); }  // after each change of the weights
  // Fills all parameter gradients from the logits' gradient of the last forward run of n images in `mode`.
  // With a clock it waits for the device after each step.
  void run(int n, BatchNormMode mode, StepClock* clock = nullptr) {
    for (const BackwardPlanner::Planned& planned : plan_.launches()) {
      planned.launch(n, mode);
      if (clock) clock->lap();
    }
  }
  std::vector<PlanStep> plan_steps() const {  // in the order they run
    std::vector<PlanStep> steps;
    for (const BackwardPlanner::Planned& planned : plan_.launches()) steps.push_back(planned.step);
    return steps;
  }
  const TuningUses& tuning_uses() const { return plan_.tuning_uses(); }
  std::size_t weight_bytes() const { return plan_.weight_bytes(); }  // transformed filters
  std::size_t gradient_bytes() const { return plan_.gradient_bytes(); }

 private:
  BackwardPlanner plan_;
};

}  // namespace cascadecl
