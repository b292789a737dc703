#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace cascadecl {

// The progress of a training, reported after steps. While the teacher of a stage answers, before the steps, phase is
// "teacher" and there is no loss.
struct TrainProgress {
  std::string phase;                               // "pretrain", "policy", "joint"
  std::string what;                                // "resnet-20", "policies", "cascade"
  int epoch = 0, epochs = 0;                       // epoch counts from 1
  std::int64_t images_done = 0, images_total = 0;  // of this epoch
  double loss = 0;                                 // over this epoch so far; minus the mean reward for policies
  std::optional<double> accuracy;                  // over this epoch so far; the paper's joint phase measures none
  double seconds = 0;                              // of this epoch so far
};

// The result of an epoch; kept in the history of the model file.
struct EpochRecord {
  std::string phase, what;
  int epoch = 0;
  double loss = 0;                 // minus the mean reward where policies decide
  std::optional<double> accuracy;  // of the images trained on; the paper's joint phase measures none
  std::optional<double> validation_accuracy;
  bool kept = false;                   // the stage has the parameters of this epoch: the best of its pretraining
  std::optional<double> mac_fraction;  // phases with policies: mean cost relative to the largest stage
  double learning_rate = 0, seconds = 0, images_per_s = 0;
  double waited_seconds = 0;  // for the input pipeline: device time lost
};

// Watches a training: a progress bar, a log, or nothing.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  virtual void on_progress(const TrainProgress&) {}  // every few steps of SGD
  virtual void on_epoch(const EpochRecord&) {}
  virtual void on_note(const std::string&) {}
  // Asked after every step: true stops the training there, resumably.
  virtual bool stop_requested() { return false; }
};

}  // namespace cascadecl
