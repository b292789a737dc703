#include "trainer/combined_trainer.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "runtime/network/training_plan.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/softmax.h"
#include "trainer/combined_loss.h"
#include "trainer/policy_net.h"
#include "trainer/pretrain.h"
#include "trainer/schedule.h"

namespace cascadecl {
namespace {

// The least importance of an exit for an image that is not likely to leave there.
constexpr float kFloor = 0.3F;

double temperature(const Model& model, std::size_t stage) {
  return model.temperatures.empty() ? 1 : model.temperatures[stage];
}

// The weights of the stages' logs as they are before temperatures.
CombinationWeights untempered(CombinationWeights weights, const Model& model) {
  const std::size_t stages = model.stages.size();
  for (std::size_t k = 0; k < stages; ++k)
    for (std::size_t t = 0; t < stages; ++t) weights[k * stages + t] /= temperature(model, t);
  return weights;
}

std::vector<float> to_floats(const CombinationWeights& weights) { return {weights.begin(), weights.end()}; }

}  // namespace

struct CombinedTrainer::State {
  struct StageInTraining {
    TrainingPlan plan;
    Array<float> images;  // [micro_batch][image], augmented for it
  };

  State(const Device& d, const Model& model, const Dataset& data, std::vector<std::int64_t> fit,
        const CombinedTrainerSettings& s, const JointState& from)
      : device(d),
        settings(s),
        micro_batch(images_at_once(s.batch_size, s.micro_batch)),
        classes(model.classes),
        policies(d, model.policies, micro_batch),
        loss(d, static_cast<int>(model.stages.size()), model.classes, micro_batch),
        softmax(d, model.classes),
        input(d, model.input, data.header().mean, data.header().std),
        loader(data, std::move(fit), {.batch_size = s.batch_size, .seed = s.seed}),
        progress(from.progress) {
    const std::size_t batch = to_size(micro_batch), k = model.stages.size();
    for (std::size_t t = 0; t < k; ++t) {
      stages.push_back({TrainingPlan(d, model.stages[t].network, from.parameters[t], micro_batch),
                        d.allocate<float>(batch * image_elements(model.input, d.channel_block()))});
      if (!from.momentum.empty()) stages[t].plan.set_momentum(from.momentum[t]);
      if (micro_batch < s.batch_size) stages[t].plan.prepare_accumulation();
    }
    pixels = d.allocate<std::uint8_t>(batch * static_cast<std::size_t>(data.header().dims.bytes()));
    labels = d.allocate<int>(batch);
    indices = d.allocate<int>(batch);
    probabilities = d.allocate<float>(k * batch * to_size(classes));
    seen = d.allocate<float>(probabilities.size());
    seen_weights = d.allocate<float>(k * k);
    features = d.allocate<float>(to_size(policies.count()) * batch * to_size(policies.most_features()));
    losses = d.allocate<float>(batch);
    correct = d.allocate<float>(batch);
    set_cascade(model);
  }

  void set_cascade(const Model& model) {
    const CombinationWeights own = untempered(own_answers(model.stages.size()), model);
    if (settings.own_answers) return;  // its loss looks at no policy and no weight
    const CombinationWeights weights = untempered(model.combination, model);
    policies.set_policies(model.policies);
    loss.set_weights(weights);
    const std::vector<float> floats = to_floats(sees_combined(model.policies) ? weights : own);
    device.write(seen_weights, std::span<const float>(floats));
  }

  void load(const Batch& batch, std::size_t first, int n) {
    const std::size_t count = to_size(n), bytes = batch.images.size() / static_cast<std::size_t>(batch.n);
    device.write(pixels, std::span(batch.images).subspan(first * bytes, count * bytes));
    device.write(labels, std::span<const int>(batch.labels).subspan(first, count));
    const auto begin = batch.indices.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<int> numbers(begin, begin + n);
    device.write(indices, std::span<const int>(numbers));
  }

  void forward(std::size_t t, int n) {
    StageInTraining& stage = stages[t];
    if (settings.augment) {
      // Goes on where pretraining's epochs of the same seed cannot have been.
      const Augmentation augmentation{.flip = settings.flip,
                                      .cutout = settings.cutout.at(static_cast<int>(t)),
                                      .seed = settings.seed,
                                      .epoch = 0x10000u + static_cast<std::uint32_t>(progress.epoch)};
      input.augment(n, pixels, indices, augmentation, stage.images);
    } else {
      input.normalise(n, pixels, stage.images);
    }
    const Array<float> logits = stage.plan.forward(n, stage.images, BatchNormMode::batch);
    softmax.run(n, logits, probabilities, static_cast<int>(t) * micro_batch);
    const std::size_t block = to_size(micro_batch) * to_size(policies.most_features());
    if (block > 0 && t + 1 < stages.size())
      device.copy(stage.plan.features(), features, to_size(n) * to_size(stage.plan.feature_count()), 0, t * block);
  }

  // Of images first ... first + n - 1 of the batch. Returns the sums of losses and right answers.
  JointStep add_gradients(const Batch& batch, std::size_t first, int n) {
    load(batch, first, n);
    for (std::size_t t = 0; t < stages.size(); ++t) forward(t, n);
    loss.combine(n, probabilities);
    if (!settings.own_answers) {
      loss.combine(n, probabilities, seen_weights, seen);
      policies.evaluate(n, {seen, micro_batch, {}, 0, features});
      loss.weigh_by_exit(n, kFloor, policies.stop_logit());
    }
    loss.run(n, labels, losses, correct);
    for (std::size_t t = 0; t < stages.size(); ++t) {
      loss.gradient(n, static_cast<int>(t), 1.0F / static_cast<float>(batch.n), labels,
                    stages[t].plan.logit_gradient());
      stages[t].plan.backward();
      if (batch.n > micro_batch) stages[t].plan.accumulate();
    }
    const std::vector<float> of_images = device.read(losses, to_size(n)), right = device.read(correct, to_size(n));
    return {.loss = std::accumulate(of_images.begin(), of_images.end(), 0.0),
            .correct = std::accumulate(right.begin(), right.end(), 0.0)};
  }

  JointStep step(const Batch& batch, double share) {
    JointStep all;
    const auto images = static_cast<int>(batch.n);
    for (int first = 0; first < images; first += micro_batch) {
      const JointStep piece = add_gradients(batch, to_size(first), std::min(micro_batch, images - first));
      all.loss += piece.loss;
      all.correct += piece.correct;
    }
    for (std::size_t t = 0; t < stages.size(); ++t) {
      all.rate = OneCycleSchedule{.max_rate = settings.learning_rate.at(static_cast<int>(t))}.rate_at(share);
      stages[t].plan.step({static_cast<float>(all.rate), static_cast<float>(settings.momentum),
                           static_cast<float>(settings.weight_decay), settings.nesterov});
    }
    return all;
  }

  Device device;
  CombinedTrainerSettings settings;
  int micro_batch, classes;
  std::vector<StageInTraining> stages;
  PolicyNet policies;
  CombinedLoss loss;
  Softmax softmax;
  ImageInput input;
  BatchLoader loader;
  Array<std::uint8_t> pixels;
  Array<int> labels, indices;
  Array<float> probabilities, seen;  // [stages][micro_batch][classes]: of the stages, and as policies see them
  Array<float> seen_weights;         // [stages][stages], by which policies see combined answers, or own ones
  Array<float> features;             // as BatchProbabilities::features
  Array<float> losses, correct;      // [micro_batch]
  EpochProgress progress;
  EpochRecord record;
};

CombinedTrainer::CombinedTrainer(const Device& device, const Model& model, const Dataset& data,
                                 std::vector<std::int64_t> fit, const CombinedTrainerSettings& settings,
                                 const JointState& state)
    : state_(std::make_unique<State>(device, model, data, std::move(fit), settings, state)) {}
CombinedTrainer::~CombinedTrainer() = default;

EpochOutcome CombinedTrainer::run_epoch(TrainObserver& observer) {
  State& s = *state_;
  return run_joint_epoch({s.loader, s.progress, s.record, s.settings.epochs, s.settings.batch_size}, true, observer,
                         [&](const Batch& batch, double share) { return s.step(batch, share); });
}

void CombinedTrainer::set_cascade(const Model& model) { state_->set_cascade(model); }
bool CombinedTrainer::finished() const { return state_->progress.epoch >= state_->settings.epochs; }
const EpochRecord& CombinedTrainer::last_epoch() const { return state_->record; }

JointState CombinedTrainer::state() const {
  JointState state{.progress = state_->progress};
  for (const State::StageInTraining& stage : state_->stages) {
    state.parameters.push_back(stage.plan.parameters());
    state.momentum.push_back(stage.plan.momentum());
  }
  return state;
}

}  // namespace cascadecl
