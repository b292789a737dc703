#include "trainer/estimator.h"

#include <fmt/format.h>

#include "data/files/error.h"
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
  if (settings_.learning.estimator == EstimatorKind::reinforce) {
    run_reinforce(batch, static_cast<float>(entropy), step);
  } else {
    run_exact(batch, static_cast<float>(entropy));
  }
}

void Estimator::run_reinforce(const Batch& batch, float entropy, unsigned step) {
  const BatchProbabilities& p = batch.probabilities;
  const Range images{to_size(batch.n)};
  sample_.run(images, p.values, p.rows, p.images, p.first, batch.labels, settings_.learning.top_k, argmax(),
              settings_.class_gradient ? 1 : 0, batch.stop_logit, batch.score_norm, batch.feature_norm, exit_penalty_,
              max_batch_, low_word(settings_.seed), high_word(settings_.seed), step, exits_, drawn_, reward_, weight_);
  gradient_.run(images, batch.n, p.values, p.rows, p.images, p.first, batch.stop_logit, max_batch_,
                static_cast<int>(settings_.learning.baseline), settings_.learning.top_k, entropy, exits_, drawn_,
                reward_, weight_, stop_gradient_, class_gradient_);
}

void Estimator::run_exact(const Batch& batch, float entropy) {
  const BatchProbabilities& p = batch.probabilities;
  exact_.run({to_size(batch.n)}, batch.n, p.values, p.rows, p.images, p.first, batch.labels, settings_.learning.top_k,
             argmax(), batch.stop_logit, exit_penalty_, max_batch_, entropy, reward_, stop_gradient_, class_gradient_);
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
  const BatchProbabilities& p = batch.probabilities;
  outcome_.run({to_size(batch.n)}, p.values, p.rows, p.first, batch.labels, settings_.learning.top_k, argmax(),
               batch.stop_logit, exit_penalty_, max_batch_, outcome);
}

}  // namespace cascadecl
