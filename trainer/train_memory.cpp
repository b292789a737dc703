#include "trainer/train_memory.h"

#include <fmt/format.h>

#include "runtime/cascade/executor.h"
#include "runtime/opencl/memory_fit.h"
#include "runtime/study/answers/label_probabilities.h"
#include "trainer/joint.h"
#include "trainer/pretrain.h"
#include "trainer/train_phases.h"

namespace cascadecl {
namespace {

// What each phase has on the device at once, with a micro-batch of the size given.
std::vector<Rehearsal> rehearsals(const Training& training, bool pretraining_only) {
  const Model& model = training.state.model;
  std::vector<Rehearsal> phases;
  for (int stage = 0; training.settings.pretrain && stage < training.stage_count(); ++stage) {
    if (!training.pretrains(stage)) continue;
    phases.push_back([&training, stage, &of = model.stages[static_cast<std::size_t>(stage)]](
                         const std::vector<Device>& devices, int batch) {
      PretrainSettings settings = pretrain_settings(training, stage);
      settings.micro_batch = batch;
      Pretrainer(devices.front(), of.network, training.data, {}, {}, settings, {.parameters = of.parameters});
    });
  }
  if (pretraining_only || !training.has_policies()) return phases;
  const auto policies = [&model](const Device& device, int batch) {
    for (std::size_t k = 0; k < model.stages.size(); ++k) stage_alone(model, k, device, {.max_batch = batch});
  };
  if (training.settings.joint && training.settings.joint_epochs > 0) {
    phases.push_back([&training, policies](const std::vector<Device>& devices, int batch) {
      const JointState state{.parameters = training.stage_parameters()};
      if (training.settings.joint_loss == JointLoss::reinforce) {
        JointSettings settings = joint_settings(training.settings);
        settings.micro_batch = batch;
        JointTrainer(devices.front(), training.networks(), training.data, {}, training.costs(), settings,
                     training.state.model.policies, state);
      } else {
        CombinedTrainerSettings settings = combined_settings(training.settings);
        settings.micro_batch = batch;
        CombinedTrainer(devices.front(), training.state.model, training.data, {}, settings, state);
      }
      policies(devices.front(), batch);  // they are fitted again after each epoch
    });
  } else if (training.settings.policy) {
    phases.push_back([policies](const std::vector<Device>& devices, int batch) { policies(devices.front(), batch); });
  }
  return phases;
}

}  // namespace

void fit_batch(Training& training) {
  TrainSettings& settings = training.settings;
  const int asked = images_at_once(settings.batch_size, settings.micro_batch);
  int fits = asked;
  for (std::size_t i = 0; i < training.devices.size(); ++i) {
    const std::vector<Rehearsal> phases = rehearsals(training, i > 0);
    if (settings.micro_batch > 0) {
      require_batch(asked, {training.devices[i]}, phases);
    } else {
      fits = fitting_batch(fits, {training.devices[i]}, phases);
    }
  }
  settings.micro_batch = fits < settings.batch_size ? fits : 0;
  if (settings.micro_batch > 0)
    training.observer.on_note(
        fmt::format("a step of {} images sums the gradients of micro-batches of {}", settings.batch_size, fits));
}

}  // namespace cascadecl
