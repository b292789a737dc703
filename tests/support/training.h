#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/generated/generate.h"
#include "trainer/observer.h"

// What tests of whole trainings share.
namespace cascadecl::testing {

// Hears all that a training says, and stops it when it asks for the stop_at-th time or later (0: never).
class Recorder : public TrainObserver {
 public:
  explicit Recorder(int stop_at = 0) : stop_at_(stop_at) {}
  void on_progress(const TrainProgress& now) override { progress.push_back(now); }
  void on_epoch(const EpochRecord& epoch) override { epochs.push_back(epoch); }
  bool stop_requested() override { return ++asked >= stop_at_ && stop_at_ > 0; }

  int asked = 0;  // how often it was asked to stop
  std::vector<TrainProgress> progress;
  std::vector<EpochRecord> epochs;

 private:
  int stop_at_;
};

// Easy generated images: large shapes of strong contrast, upright, without noise.
inline GenerateSettings easy_images(int size) {
  GenerateSettings settings{.size = size, .seed = 3};
  settings.difficulty = {.easy_share = 1000,
                         .hard_share = 0,
                         .radius = {900, 900},
                         .tilt = {0, 0},
                         .squeeze = {0, 0},
                         .contrast = {120, 120},
                         .noise = {2, 2},
                         .gradient = {0, 0},
                         .rival = {0, 0},
                         .clutter = {0, 0},
                         .occluder = {0, 0}};
  return settings;
}

}  // namespace cascadecl::testing
