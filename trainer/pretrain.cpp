#include "trainer/pretrain.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

constexpr std::int64_t kReportEvery = 25;  // steps between looks at the loss, which wait for the device

}  // namespace

int images_at_once(int batch_size, int micro_batch) {
  return micro_batch > 0 ? std::min(micro_batch, batch_size) : batch_size;
}

Pretrainer::Pretrainer(const Device& device, const Network& network, const Dataset& data, std::vector<std::int64_t> fit,
                       std::vector<std::int64_t> held_out, const PretrainSettings& settings, const PretrainState& state)
    : device_(device),
      data_(data),
      settings_(settings),
      micro_batch_(images_at_once(settings.batch_size, settings.micro_batch)),
      fit_(std::move(fit)),
      held_out_(std::move(held_out)),
      plan_(device, network, state.parameters, micro_batch_),
      input_(device, network.input_shape(), data.header().mean, data.header().std),
      cross_entropy_(device, network.classes(), static_cast<float>(settings.label_smoothing), settings.class_weights),
      sum_(device),
      loader_(data, fit_, {.batch_size = settings.batch_size, .seed = settings.seed}),
      progress_(state.progress) {
  const std::size_t batch = to_size(micro_batch_);
  pixels_ = device.allocate<std::uint8_t>(batch * static_cast<std::size_t>(data.header().dims.bytes()));
  labels_ = device.allocate<int>(batch);
  indices_ = device.allocate<int>(batch);
  images_ = device.allocate<float>(batch * image_elements(network.input_shape(), device.channel_block()));
  loss_ = device.allocate<float>(batch);
  correct_ = device.allocate<float>(batch);
  if (micro_batch_ < settings.batch_size) plan_.prepare_accumulation();
  if (settings.teacher) {
    distillation_.emplace(device, network.classes(), settings.teacher_weight, settings.teacher_temperature);
    teacher_.emplace(device, *settings.teacher, data.size(), micro_batch_);
  }
  if (!state.momentum.empty()) plan_.set_momentum(state.momentum);
  record_.phase = settings.phase;
  record_.what = network.name();
  sum_.reset();
}

Pretrainer::~Pretrainer() = default;

void Pretrainer::load(const Batch& batch, std::size_t first, int n) {
  const std::size_t count = to_size(n), bytes = batch.images.size() / static_cast<std::size_t>(batch.n);
  device_.write(pixels_, std::span(batch.images).subspan(first * bytes, count * bytes));
  device_.write(labels_, std::span<const int>(batch.labels).subspan(first, count));
  if (settings_.augment) {
    const auto begin = batch.indices.begin() + static_cast<std::ptrdiff_t>(first);
    const std::vector<int> indices(begin, begin + n);
    device_.write(indices_, std::span<const int>(indices));
    input_.augment(n, pixels_, indices_,
                   {.flip = settings_.flip,
                    .cutout = settings_.cutout,
                    .seed = settings_.seed,
                    .epoch = static_cast<std::uint32_t>(augmentation_epoch())},
                   images_);
  } else {
    input_.normalise(n, pixels_, images_);
  }
}

float Pretrainer::weight_of(const Batch& batch) const {
  if (settings_.class_weights.empty()) return 1.0F / static_cast<float>(batch.n);
  double sum = 0;
  for (const std::int32_t label : batch.labels) sum += settings_.class_weights[static_cast<std::size_t>(label)];
  return 1.0F / static_cast<float>(sum);
}

int Pretrainer::augmentation_epoch() const {
  if (!teacher_) return progress_.epoch;
  return settings_.augment ? progress_.epoch % teaching_cycle : 0;
}

bool Pretrainer::ask_teacher(TrainObserver& observer) {
  const int epoch = augmentation_epoch();
  if (teacher_->hold(epoch)) return true;
  const auto start = Clock::now();
  TrainProgress report{.phase = "teacher",
                       .what = record_.what,
                       .epoch = progress_.epoch + 1,
                       .epochs = settings_.epochs,
                       .images_total = static_cast<std::int64_t>(fit_.size())};
  BatchLoader loader(data_, fit_, {.batch_size = micro_batch_, .shuffle = false});
  loader.start_epoch(0);
  teacher_->begin(epoch);
  while (auto batch = loader.next()) {
    if (observer.stop_requested()) return false;
    load(*batch, 0, static_cast<int>(batch->n));
    teacher_->ask(images_, batch->indices);
    report.images_done += batch->n;
    report.seconds = seconds_since(start);
    observer.on_progress(report);
  }
  teacher_->end();
  return true;
}

void Pretrainer::add_gradient(const Batch& batch, std::size_t first, int n, float weight) {
  load(batch, first, n);
  const Array<float> logits = plan_.forward(n, images_, BatchNormMode::batch);
  cross_entropy_.run(n, logits, labels_, weight, loss_, correct_, plan_.logit_gradient());
  if (teacher_) {
    const std::span<const std::int64_t> numbers = std::span(batch.indices).subspan(first, to_size(n));
    distillation_->run(n, logits, teacher_->rows(augmentation_epoch(), numbers), weight, loss_, plan_.logit_gradient());
  }
  sum_.add(n, loss_, correct_);
  plan_.backward();
}

void Pretrainer::step(const Batch& batch, double rate) {
  const int images = static_cast<int>(batch.n);
  const float weight = weight_of(batch);  // of the whole batch, so that micro-batches sum up to its gradient
  for (int first = 0; first < images; first += micro_batch_) {
    add_gradient(batch, to_size(first), std::min(micro_batch_, images - first), weight);
    if (images > micro_batch_) plan_.accumulate();
  }
  plan_.step({static_cast<float>(rate), static_cast<float>(settings_.momentum),
              static_cast<float>(settings_.weight_decay), settings_.nesterov},
             static_cast<float>(settings_.base_learning_rate_scale));
  device_.flush();
}

Pretrainer::Outcome Pretrainer::run_epoch(TrainObserver& observer) {
  const auto start = Clock::now();
  if (teacher_ && !ask_teacher(observer)) return Outcome::stopped;
  const std::int64_t steps = loader_.batches_per_epoch(), first = progress_.step;
  const auto waited_before = loader_.waited();
  TrainProgress report{.phase = record_.phase,
                       .what = record_.what,
                       .epoch = progress_.epoch + 1,
                       .epochs = settings_.epochs,
                       .images_total = loader_.images_per_epoch()};
  double rate = 0;
  std::int64_t images_here = 0;
  // Looks at the sums; the device has then done all that was asked.
  const auto look = [&] {
    const MetricSum::Sums sums = sum_.read();
    const double loss = progress_.loss + sums.loss;
    if (!std::isfinite(loss)) {
      throw TrainingError(fmt::format(
          "{} of {}: the loss is not finite in epoch {}, step {} (learning rate {:.4g}); try a smaller --learning-rate",
          record_.phase, record_.what, progress_.epoch + 1, progress_.step, rate));
    }
    const double images = static_cast<double>(report.images_done);
    report.loss = loss / images;
    report.accuracy = (progress_.correct + sums.correct) / images;
    report.seconds = seconds_since(start);
  };

  loader_.start_epoch(progress_.epoch, progress_.step);
  while (auto batch = loader_.next()) {
    rate = scheduled_rate(
        settings_.schedule, settings_.learning_rate,
        (static_cast<double>(progress_.epoch) + static_cast<double>(progress_.step) / static_cast<double>(steps)) /
            settings_.epochs);
    step(*batch, rate);
    ++progress_.step;
    images_here += batch->n;
    report.images_done = first * settings_.batch_size + images_here;
    const bool stop = observer.stop_requested() && progress_.step < steps;
    if (stop || progress_.step % kReportEvery == 0 || progress_.step == steps) {
      look();
      observer.on_progress(report);
    }
    if (stop) return Outcome::stopped;
  }
  record_ = {.phase = record_.phase,
             .what = record_.what,
             .epoch = progress_.epoch + 1,
             .loss = report.loss,
             .accuracy = report.accuracy};
  record_.learning_rate = rate;
  record_.seconds = seconds_since(start);
  record_.images_per_s = static_cast<double>(images_here) / record_.seconds;
  record_.waited_seconds = std::chrono::duration<double>(loader_.waited() - waited_before).count();
  if (!held_out_.empty()) record_.validation_accuracy = held_out_accuracy();
  progress_ = {.epoch = progress_.epoch + 1};
  sum_.reset();
  return Outcome::complete;
}

double Pretrainer::held_out_accuracy() {
  BatchLoader loader(data_, held_out_, {.batch_size = micro_batch_, .shuffle = false});
  MetricSum sum(device_);
  sum.reset();
  loader.start_epoch(0);
  while (auto batch = loader.next()) {
    const int n = static_cast<int>(batch->n);
    device_.write(pixels_, std::span<const std::uint8_t>(batch->images));
    device_.write(labels_, std::span<const int>(batch->labels));
    input_.normalise(n, pixels_, images_);
    const Array<float> logits = plan_.forward(n, images_, BatchNormMode::frozen);
    cross_entropy_.run(n, logits, labels_, 1.0f, loss_, correct_, plan_.logit_gradient());
    sum.add(n, loss_, correct_);
  }
  return sum.read().correct / static_cast<double>(held_out_.size());
}

PretrainState Pretrainer::state() const {
  const MetricSum::Sums sums = sum_.read();
  PretrainState state{.progress = progress_};
  state.progress.loss += sums.loss;
  state.progress.correct += sums.correct;
  state.parameters = plan_.parameters();
  state.momentum = plan_.momentum();
  return state;
}

}  // namespace cascadecl
