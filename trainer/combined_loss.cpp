#include "trainer/combined_loss.h"

#include <span>

#include "runtime/ops/launch.h"

namespace cascadecl {

CombinedLoss::CombinedLoss(const Device& device, int stages, int classes, int max_batch)
    : device_(device),
      stages_(stages),
      classes_(classes),
      max_batch_(max_batch),
      weights_(device.allocate<float>(to_size(stages) * to_size(stages))),
      answers_(device.allocate<float>(to_size(stages) * to_size(max_batch) * to_size(classes))),
      importance_(device.allocate<float>(to_size(stages) * to_size(max_batch))) {
  const Defines defines = {{"CLASSES", classes}, {"STAGES", stages}};
  combine_ = device.kernel("combined_loss.cl", "combine_answers", defines);
  exit_importance_ = device.kernel("combined_loss.cl", "exit_importance", defines);
  loss_ = device.kernel("combined_loss.cl", "combined_loss", defines);
  gradient_ = device.kernel("combined_loss.cl", "combined_gradient", defines);
  set_weights(own_answers(to_size(stages)));
  weigh_alike();
}

void CombinedLoss::set_weights(const CombinationWeights& weights) {
  const std::vector<float> floats(weights.begin(), weights.end());
  device_.write(weights_, std::span<const float>(floats));
}

void CombinedLoss::combine(int n, const Array<float>& probabilities) { combine(n, probabilities, weights_, answers_); }

void CombinedLoss::combine(int n, const Array<float>& probabilities, const Array<float>& weights,
                           const Array<float>& rows) {
  launch(device_, combine_, {to_size(n), to_size(stages_)}, max_batch_, probabilities, weights, rows);
}

void CombinedLoss::weigh_alike() { device_.fill(importance_, 1.0F); }

void CombinedLoss::weigh_by_exit(int n, float floor, const Array<float>& stop_logit) {
  launch(device_, exit_importance_, {to_size(stages_)}, n, max_batch_, floor, stop_logit, importance_);
}

void CombinedLoss::run(int n, const Array<int>& labels, const Array<float>& loss, const Array<float>& correct) {
  launch(device_, loss_, {to_size(n)}, max_batch_, answers_, importance_, labels, loss, correct);
}

void CombinedLoss::gradient(int n, int stage, float scale, const Array<int>& labels, const Array<float>& gradient) {
  launch(device_, gradient_, {to_size(n), to_size(classes_)}, max_batch_, stage, scale, answers_, importance_, weights_,
         labels, gradient);
}

}  // namespace cascadecl
