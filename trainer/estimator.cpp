#include "trainer/estimator.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "kernels/estimator_scalars.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

void check_settings(const PolicyLearning& settings, std::size_t stages, int classes, int max_batch) {
  if (stages < 1 || stages > 64) throw UsageError(fmt::format("estimator: {} stages, expected 1..64", stages));
  if (!(settings.alpha >= 0)) throw UsageError(fmt::format("alpha: {}, expected 0 or more", settings.alpha));
  if (settings.top_k < 1 || settings.top_k >= classes)
    throw UsageError(fmt::format("top-k: {}, expected 1..{} for {} classes", settings.top_k, classes - 1, classes));
  if (max_batch < 1) throw UsageError(fmt::format("estimator: largest batch {}, expected at least 1", max_batch));
}

unsigned low_word(std::uint64_t seed) { return static_cast<unsigned>(seed); }
unsigned high_word(std::uint64_t seed) { return static_cast<unsigned>(seed >> 32); }

EstimatorScalars scalars(const EstimatorSettings& settings, const Estimator::Batch& batch, int stride,
                         double entropy = 0, unsigned step = 0) {
  return {.images = batch.n,
          .rows = batch.probabilities.rows,
          .first = batch.probabilities.first,
          .stride = stride,
          .top_k = settings.learning.top_k,
          .argmax = settings.learning.reward_label == RewardLabel::argmax ? 1 : 0,
          .learn_classes = settings.class_gradient ? 1 : 0,
          .baseline = static_cast<int>(settings.learning.baseline),
          .entropy = static_cast<float>(entropy),
          .seed_low = low_word(settings.seed),
          .seed_high = high_word(settings.seed),
          .step = step};
}

}  // namespace

std::vector<double> exit_costs(const std::vector<double>& relative_costs, CostThrough through) {
  std::vector<double> costs;
  double sum = 0;
  for (const double cost : relative_costs) {
    costs.push_back(through == CostThrough::stop ? sum + cost : sum);
    sum += cost;
  }
  return costs;
}

Estimator::Estimator(const Device& device, const EstimatorSettings& settings, const std::vector<double>& relative_costs,
                     int classes, int max_batch)
    : device_(device), settings_(settings), stages_(static_cast<int>(relative_costs.size())), max_batch_(max_batch) {
  const std::size_t stages = relative_costs.size(), batch = to_size(max_batch);
  check_settings(settings.learning, stages, classes, max_batch);
  std::vector<float> penalty;
  for (const double cost : exit_costs(relative_costs, settings.learning.cost_through))
    penalty.push_back(static_cast<float>(settings.learning.alpha * cost));
  exit_penalty_ = device.upload(penalty);
  stop_gradient_ = device.allocate<float>((stages - 1) * batch);
  if (settings.class_gradient) class_gradient_ = device.allocate<float>(stages * batch * to_size(classes));
  reward_ = device.allocate<float>(batch);
  weight_ = device.allocate<float>(batch);
  exits_ = device.allocate<int>(batch);
  drawn_ = device.allocate<int>(batch * to_size(settings.learning.top_k));

  const Defines defines = {{"STAGES", static_cast<long>(stages)}, {"CLASSES", classes}};
  sample_ = device.kernel("reinforce.cl", "reinforce_sample", defines);
  gradient_ = device.kernel("reinforce.cl", "reinforce_gradient", defines);
  survivors_ = device.kernel("reinforce.cl", "reinforce_survivors", defines);
  squared_norms_ = device.kernel("reinforce.cl", "squared_norms", defines);
  exact_ = device.kernel("exact.cl", "exact_gradient", defines);
  outcome_ = device.kernel("exact.cl", "stopping_outcome", defines);
}

void Estimator::run(const Batch& batch, double entropy, unsigned step) {
  if (batch.n < 1 || batch.n > max_batch_)
    throw ShapeError(fmt::format("estimator: {} images, expected 1..{}", batch.n, max_batch_));
  const EstimatorScalars s = scalars(settings_, batch, max_batch_, entropy, step);
  const BatchProbabilities& p = batch.probabilities;
  const Range images{to_size(batch.n)};
  if (settings_.learning.estimator == EstimatorKind::exact)
    return exact_.run(images, s, p.values, p.images, batch.labels, exit_penalty_, batch.stop_logit, reward_,
                      stop_gradient_, class_gradient_);
  sample_.run(images, s, p.values, p.images, batch.labels, exit_penalty_, batch.stop_logit, batch.score_norm,
              batch.feature_norm, exits_, drawn_, reward_, weight_);
  gradient_.run(images, s, p.values, p.images, batch.stop_logit, exits_, drawn_, reward_, weight_, stop_gradient_,
                class_gradient_);
}

void Estimator::survivors(int n, int last, const Array<float>& stop_logit, unsigned step, const Array<int>& keep) {
  if (last < 0 || last + 1 >= stages_)
    throw ShapeError(fmt::format("estimator: stage {} has no policy among {} stages", last, stages_));
  survivors_.run({to_size(n)}, stop_logit, max_batch_, last, low_word(settings_.seed), high_word(settings_.seed), step,
                 keep);
}

void Estimator::squared_norms(int n, int count, const Array<float>& rows, int stage, const Array<float>& norms) {
  squared_norms_.run({to_size(n)}, rows, count, norms, stage * max_batch_);
}

void Estimator::outcome(const Batch& batch, const Array<float>& outcome) {
  outcome_.run({to_size(batch.n)}, scalars(settings_, batch, max_batch_), batch.probabilities.values, batch.labels,
               exit_penalty_, batch.stop_logit, outcome);
}

}  // namespace cascadecl
