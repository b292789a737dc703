#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/image_input.h"
#include "runtime/ops/softmax.h"
#include "trainer/distillation.h"
#include "trainer/epoch_progress.h"
#include "trainer/observer.h"
#include "trainer/schedule.h"
#include "trainer/teacher.h"
#include "trainer/teacher_answers.h"

namespace cascadecl {

// Images at once of a batch, see PretrainSettings::micro_batch.
int images_at_once(int batch_size, int micro_batch);

struct PretrainSettings {
  std::string phase = "pretrain";  // as its reports call it
  int epochs = 12;
  int batch_size = 128;
  // Images whose gradients are computed at once, and then summed in order to the gradient of the batch. Each such
  // micro-batch is normalised by its own mean and variance. 0: all of the batch.
  int micro_batch = 0;
  double learning_rate = 0.1;           // the largest of the schedule
  double base_learning_rate_scale = 1;  // times the learning rate, for all layers but the last
  Schedule schedule = Schedule::one_cycle;
  double momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = false;       // see SgdSettings
  double label_smoothing = 0;  // see CrossEntropy
  // [classes], with a mean of 1 over the images trained on; empty: all 1. The gradient of a batch is the one of the
  // weighted mean of its images' losses.
  std::vector<float> class_weights = {};
  bool augment = true;  // crop from a frame of 4 black pixels, and what follows
  Flip flip = Flip::random;
  int cutout = 0;  // see Augmentation
  // See Distillation, where they are share and temperature. Without a teacher labels alone are learned from. With one,
  // augmentation repeats itself every teaching_cycle epochs, and the teacher sees the images just as the stage does.
  std::shared_ptr<const Teacher> teacher = {};
  double teacher_weight = 0.9, teacher_temperature = 4;
  std::uint64_t seed = 1;
};

// The state of a stage's training after a step: enough to go on as if nothing had happened.
struct PretrainState {
  EpochProgress progress;
  Parameters parameters, momentum;  // momentum empty: zero
};

// Trains one network alone by cross-entropy, epoch by epoch.
class Pretrainer {
 public:
  // Trains on data[fit]; measures on data[held_out] (may be empty). Keeps references to data.
  Pretrainer(const Device& device, const Network& network, const Dataset& data, std::vector<std::int64_t> fit,
             std::vector<std::int64_t> held_out, const PretrainSettings& settings, const PretrainState& state);
  ~Pretrainer();

  enum class Outcome { complete, stopped };  // the epoch, or earlier because the observer asked
  // Runs (the rest of) the current epoch; observer hears of steps, and before them of the teacher's answers.
  // Throws TrainingError if the loss is not finite.
  Outcome run_epoch(TrainObserver& observer);

  bool finished() const { return progress_.epoch >= settings_.epochs; }
  PretrainState state() const;
  EpochRecord last_epoch() const { return record_; }

 private:
  void step(const Batch& batch, double learning_rate);
  void load(const Batch& batch, std::size_t first, int n);  // images first ... first + n - 1
  float weight_of(const Batch& batch) const;                // 1 / (the sum of its images' weights)
  void add_gradient(const Batch& batch, std::size_t first, int n, float weight);
  int augmentation_epoch() const;
  bool ask_teacher(TrainObserver& observer);  // false if the observer stopped it
  double held_out_accuracy();

  Device device_;
  const Dataset& data_;
  PretrainSettings settings_;
  int micro_batch_;
  std::vector<std::int64_t> fit_, held_out_;
  TrainingPlan plan_;
  ImageInput input_;
  CrossEntropy cross_entropy_;
  std::optional<Distillation> distillation_;
  std::optional<TeacherAnswers> teacher_;  // with distillation_, or neither
  MetricSum sum_;
  BatchLoader loader_;
  Array<std::uint8_t> pixels_;
  Array<int> labels_, indices_;
  Array<float> images_, loss_, correct_;
  EpochProgress progress_;  // its sums: of the current epoch, before the last resume
  EpochRecord record_;
};

}  // namespace cascadecl
