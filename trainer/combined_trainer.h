#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/model.h"
#include "runtime/opencl/device.h"
#include "runtime/ops/image_input.h"
#include "trainer/joint.h"
#include "trainer/joint_epoch.h"
#include "trainer/observer.h"
#include "trainer/per_stage.h"

namespace cascadecl {

struct CombinedTrainerSettings {
  int epochs = 20;
  int batch_size = 128;
  int micro_batch = 0;                    // as in PretrainSettings
  PerStage<double> learning_rate = 0.02;  // the largest of a one-cycle schedule over all epochs
  double momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = false;
  bool augment = true;
  Flip flip = Flip::random;
  PerStage<int> cutout = 0;
  std::uint64_t seed = 1;
  bool own_answers = false;  // each stage learns by the cross-entropy of its own answer, as a control
};

// Trains all stages of a cascade together, by the cross-entropy of the answers that they give together (CombinedLoss).
// Every stage sees all images, and batch norm uses the batch's statistics. An image counts for an exit where the
// current policies are likely to let it leave. Policies and weights are given; they are fitted on images that the
// stages do not learn from.
class CombinedTrainer {
 public:
  // Trains on data[fit], from the stages of the state. Keeps a reference to data. model: policies and weights to begin
  // with, and the networks.
  CombinedTrainer(const Device& device, const Model& model, const Dataset& data, std::vector<std::int64_t> fit,
                  const CombinedTrainerSettings& settings, const JointState& state);
  ~CombinedTrainer();

  // Runs (the rest of) the current epoch. Throws TrainingError if the loss is not finite.
  EpochOutcome run_epoch(TrainObserver& observer);
  // Takes over policies, temperatures and combination of a model.
  void set_cascade(const Model& model);

  bool finished() const;
  JointState state() const;
  const EpochRecord& last_epoch() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cascadecl
