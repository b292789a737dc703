#include "trainer/joint.h"

#include "data/files/error.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/compact.h"
#include "runtime/ops/image_input.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/softmax.h"
#include "trainer/estimator.h"
#include "trainer/policy_net.h"
#include "trainer/pretrain.h"
#include "trainer/schedule.h"

namespace cascadecl {
namespace {

std::size_t plane(const JointSettings& s, int classes) { return to_size(s.batch_size) * to_size(classes); }

}  // namespace

struct JointTrainer::State {
  // One stage with the images of the batch that reach it.
  struct Reached {
    TrainingPlan plan;
    int images = 0;
    Array<int> rows;            // [batch] their rows in the batch, ascending
    Array<int> position;        // [batch] of each row: its place among them, 0 if it does not reach the stage
    Array<float> input;         // [batch][image]
    std::int64_t computed = 0;  // images, since the trainer was made
  };

  Device device;
  JointSettings settings;
  int micro_batch;
  int classes;
  std::vector<Reached> stages;
  PolicyNet policies;
  Estimator estimator;
  Softmax softmax;
  ImageInput image_input;
  Compact compact;
  BatchLoader loader;
  Array<std::uint8_t> pixels;
  Array<int> labels, indices, keep;
  Array<float> probabilities;                               // [stages][batch][classes]
  Array<float> compact_probabilities, stage_probabilities;  // [batch][classes]
  Array<float> features, compact_features;                  // [batch][features of the widest stage]
  Array<float> piece;                                       // [micro_batch][image], where that is less than a batch
  Array<float> feature_norm;                                // [stages][batch]
  Array<float> seen_features;                               // as BatchProbabilities::features, of the batch
  std::vector<double> costs;                                // [stages]
  EpochProgress progress;
  EpochRecord record;

  State(const Device& d, const std::vector<Network>& networks, const Dataset& data, std::vector<std::int64_t> fit,
        const std::vector<double>& relative_costs, const JointSettings& s, const std::vector<Policy>& p,
        const JointState& from)
      : device(d),
        settings(s),
        micro_batch(images_at_once(s.batch_size, s.micro_batch)),
        classes(networks.front().classes()),
        policies(d, p, s.batch_size),
        estimator(d, {.learning = s.learning, .seed = s.seed, .class_gradient = true}, relative_costs, classes,
                  s.batch_size),
        softmax(d, classes),
        image_input(d, networks.front().input_shape(), data.header().mean, data.header().std),
        compact(d, s.batch_size),
        loader(data, std::move(fit), {.batch_size = s.batch_size, .seed = s.seed}),
        costs(relative_costs),
        progress(from.progress) {
    const std::size_t batch = to_size(s.batch_size), k = networks.size();
    const std::size_t image = image_elements(networks.front().input_shape(), d.channel_block());
    int widest = 0;
    for (std::size_t t = 0; t < k; ++t) {
      stages.push_back({TrainingPlan(d, networks[t], from.parameters[t], micro_batch), 0, d.allocate<int>(batch),
                        d.allocate<int>(batch), d.allocate<float>(batch * image)});
      if (!from.momentum.empty()) stages[t].plan.set_momentum(from.momentum[t]);
      if (in_pieces()) stages[t].plan.prepare_accumulation();
      widest = std::max(widest, stages[t].plan.feature_count());
    }
    features = d.allocate<float>(batch * to_size(widest));
    if (in_pieces()) {
      compact_features = d.allocate<float>(batch * to_size(widest));
      piece = d.allocate<float>(to_size(micro_batch) * image);
    }
    pixels = d.allocate<std::uint8_t>(batch * static_cast<std::size_t>(data.header().dims.bytes()));
    labels = d.allocate<int>(batch);
    indices = d.allocate<int>(batch);
    keep = d.allocate<int>(batch);
    probabilities = d.allocate<float>(k * plane(s, classes));
    compact_probabilities = d.allocate<float>(plane(s, classes));
    stage_probabilities = d.allocate<float>(plane(s, classes));
    feature_norm = d.allocate<float>(k * batch);
    d.fill(probabilities, 1.0f / static_cast<float>(classes));
    d.fill(feature_norm, 0.0f);
    seen_features = d.allocate<float>(to_size(policies.count()) * batch * to_size(policies.most_features()));
    d.fill(seen_features, 0.0f);
    if (s.learning.reward_label == RewardLabel::argmax)
      throw UsageError("reward label argmax: not in the joint phase, where it gives the stages nothing to learn from");
  }

  bool exact() const { return settings.learning.estimator == EstimatorKind::exact; }
  bool in_pieces() const { return micro_batch < settings.batch_size; }
  unsigned global_step() const {
    return static_cast<unsigned>(static_cast<std::int64_t>(progress.epoch) * loader.batches_per_epoch() +
                                 progress.step);
  }

  void load(const Batch& batch) {
    const int n = static_cast<int>(batch.n);
    device.write(pixels, std::span<const std::uint8_t>(batch.images));
    device.write(labels, std::span<const int>(batch.labels));
    const std::vector<int> numbers(batch.indices.begin(), batch.indices.end());
    device.write(indices, std::span<const int>(numbers));
    // Augmentation goes on where pretraining's epochs of the same seed cannot have been.
    const Augmentation augmentation{
        .flip = settings.flip, .seed = settings.seed, .epoch = 0x10000u + static_cast<std::uint32_t>(progress.epoch)};
    if (settings.augment) {
      image_input.augment(n, pixels, indices, augmentation, stages.front().input);
    } else {
      image_input.normalise(n, pixels, stages.front().input);
    }
  }

  // Which rows of the batch reach stage t, from `keep` of the stage before.
  void select(std::size_t t, int n) {
    Reached& stage = stages[t];
    stage.images = compact.select(n, keep);
    const std::vector<int> rows = device.read(compact.indices(), to_size(stage.images));
    std::vector<int> position(to_size(settings.batch_size), 0);
    for (std::size_t i = 0; i < rows.size(); ++i) position[to_size(rows[i])] = static_cast<int>(i);
    device.write(stage.rows, std::span<const int>(rows));
    device.write(stage.position, std::span<const int>(position));
    const std::size_t image = stage.input.size() / to_size(settings.batch_size);
    compact.gather(stage.images, stage.rows, image, stages.front().input, stage.input);
  }

  void all_reach(std::size_t t, int n) {
    std::vector<int> rows(to_size(n));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int>(i);
    stages[t].images = n;
    device.write(stages[t].rows, std::span<const int>(rows));
    device.write(stages[t].position, std::span<const int>(rows));
    if (t > 0) device.copy(stages.front().input, stages[t].input, stages[t].input.size());
  }

  // Runs the stage on images first ... first + m - 1 of those that reach it.
  Array<float> run_stage(Reached& stage, int first, int m) {
    if (m == stage.images) return stage.plan.forward(m, stage.input, BatchNormMode::frozen);
    const std::size_t image = stage.input.size() / to_size(settings.batch_size);
    device.copy(stage.input, piece, to_size(m) * image, to_size(first) * image);
    return stage.plan.forward(m, piece, BatchNormMode::frozen);
  }

  void forward(std::size_t t, int n) {
    Reached& stage = stages[t];
    const int count = stage.plan.feature_count();
    const bool whole = stage.images <= micro_batch;
    for (int first = 0; first < stage.images; first += micro_batch) {
      const int m = std::min(micro_batch, stage.images - first);
      const Array<float> logits = run_stage(stage, first, m);
      softmax.run(m, logits, compact_probabilities, first);
      if (!whole)
        device.copy(stage.plan.features(), compact_features, to_size(m) * to_size(count), 0,
                    to_size(first) * to_size(count));
    }
    stage.computed += stage.images;
    compact.gather(n, stage.position, to_size(classes), compact_probabilities, stage_probabilities);
    device.copy(stage_probabilities, probabilities, to_size(n) * to_size(classes), 0, t * plane(settings, classes));
    compact.gather(n, stage.position, to_size(count), whole ? stage.plan.features() : compact_features, features);
    if (!seen_features.empty() && t + 1 < stages.size()) {
      const std::size_t block = to_size(settings.batch_size) * to_size(policies.most_features());
      device.copy(features, seen_features, to_size(n) * to_size(count), 0, t * block);
    }
    estimator.squared_norms(n, count, features, static_cast<int>(t), feature_norm);
  }

  // Adds up the gradients of pieces of a batch; what their forward passes left is gone, so they are run again.
  void add_gradients(Reached& stage) {
    compact.gather(stage.images, stage.rows, to_size(classes), stage_probabilities, compact_probabilities);
    for (int first = 0; first < stage.images; first += micro_batch) {
      const int m = std::min(micro_batch, stage.images - first);
      run_stage(stage, first, m);
      device.copy(compact_probabilities, stage.plan.logit_gradient(), to_size(m) * to_size(classes),
                  to_size(first) * to_size(classes));
      stage.plan.backward();
      stage.plan.accumulate();
    }
  }

  void backward(std::size_t t, double rate) {
    Reached& stage = stages[t];
    const Array<float>& gradient = estimator.class_gradient();
    device.copy(gradient, stage_probabilities, plane(settings, classes), t * plane(settings, classes));
    if (stage.images > micro_batch) {
      add_gradients(stage);
    } else {
      compact.gather(stage.images, stage.rows, to_size(classes), stage_probabilities, stage.plan.logit_gradient());
      stage.plan.backward();
    }
    stage.plan.step(
        {static_cast<float>(rate), static_cast<float>(settings.momentum), static_cast<float>(settings.weight_decay)});
  }

  // Of all that was computed, in images through the largest stage.
  double cost() const {
    double sum = 0;
    for (std::size_t t = 0; t < stages.size(); ++t) sum += static_cast<double>(stages[t].computed) * costs[t];
    return sum;
  }

  // Returns the sum of rewards.
  double train(const Batch& batch, double rate) {
    const int n = static_cast<int>(batch.n);
    const unsigned number = global_step();
    load(batch);
    const BatchProbabilities seen{probabilities, settings.batch_size, {}, 0, seen_features};
    for (std::size_t t = 0; t < stages.size(); ++t) {
      if (t == 0 || exact()) {
        all_reach(t, n);
      } else {
        estimator.survivors(n, static_cast<int>(t) - 1, policies.stop_logit(), number, keep);
        select(t, n);
      }
      if (stages[t].images == 0) {
        for (std::size_t u = t; u < stages.size(); ++u) stages[u].images = 0;
        break;
      }
      forward(t, n);
      if (t + 1 < stages.size()) policies.forward_policy(static_cast<int>(t), n, seen, settings.seed, number);
    }
    estimator.run({n, seen, labels, policies.stop_logit(), policies.score_norm(), feature_norm}, 0.0, number);
    for (std::size_t t = 0; t < stages.size(); ++t) {
      if (stages[t].images > 0) backward(t, rate);
    }
    double sum = 0;
    for (float r : device.read(estimator.reward(), to_size(n))) sum += r;
    return sum;
  }
};

JointTrainer::JointTrainer(const Device& device, const std::vector<Network>& networks, const Dataset& data,
                           std::vector<std::int64_t> fit, const std::vector<double>& relative_costs,
                           const JointSettings& settings, const std::vector<Policy>& policies, const JointState& state)
    : state_(
          std::make_unique<State>(device, networks, data, std::move(fit), relative_costs, settings, policies, state)) {}
JointTrainer::~JointTrainer() = default;

void JointTrainer::set_cascade(const Model& model) { state_->policies.set_policies(model.policies); }
bool JointTrainer::finished() const { return state_->progress.epoch >= state_->settings.epochs; }
const EpochRecord& JointTrainer::last_epoch() const { return state_->record; }

EpochOutcome JointTrainer::run_epoch(TrainObserver& observer) {
  State& s = *state_;
  const double cost_before = s.cost();
  std::int64_t images = 0;
  const auto step = [&](const Batch& batch, double share) -> JointStep {
    const double rate = OneCycleSchedule{.max_rate = s.settings.learning_rate}.rate_at(share);
    const double reward = s.train(batch, rate);
    images += batch.n;
    return {.loss = -reward, .rate = rate};
  };
  const EpochOutcome outcome = run_joint_epoch(
      {s.loader, s.progress, s.record, s.settings.epochs, s.settings.batch_size}, false, observer, step);
  if (outcome == EpochOutcome::complete) s.record.mac_fraction = (s.cost() - cost_before) / static_cast<double>(images);
  return outcome;
}

std::vector<std::int64_t> JointTrainer::computed() const {
  std::vector<std::int64_t> images;
  for (const State::Reached& stage : state_->stages) images.push_back(stage.computed);
  return images;
}

std::vector<Parameters> JointTrainer::parameters() const {
  std::vector<Parameters> all;
  for (const State::Reached& stage : state_->stages) all.push_back(stage.plan.parameters());
  return all;
}

JointState JointTrainer::state() const {
  JointState state{.progress = state_->progress, .parameters = parameters()};
  for (const State::Reached& stage : state_->stages) state.momentum.push_back(stage.plan.momentum());
  return state;
}

}  // namespace cascadecl
