#pragma once
#include <functional>

#include "data/loader.h"
#include "trainer/epoch_progress.h"
#include "trainer/observer.h"

namespace cascadecl {

enum class EpochOutcome { complete, stopped };  // the epoch, or earlier because the observer asked

// What a trainer of all stages at once has from one epoch to the next.
struct JointEpochs {
  BatchLoader& loader;
  EpochProgress& progress;
  EpochRecord& record;  // of the last epoch that is complete
  int epochs = 1, batch_size = 1;
};

// The result of one step.
struct JointStep {
  double loss = 0;     // summed over its images
  double correct = 0;  // images whose answer is right
  double rate = 0;     // the learning rate
};

// Runs (the rest of) the current epoch. step is told how much of the phase is done, from 0 to 1. measures_accuracy:
// whether steps count right answers. Throws TrainingError if the loss is not finite.
EpochOutcome run_joint_epoch(const JointEpochs& epochs, bool measures_accuracy, TrainObserver& observer,
                             const std::function<JointStep(const Batch&, double share)>& step);

}  // namespace cascadecl
