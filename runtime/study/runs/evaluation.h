#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/executor.h"
#include "runtime/study/answers/accuracy.h"
#include "runtime/study/answers/label_probabilities.h"
#include "runtime/study/runs/precision_change.h"

namespace cascadecl {

struct EvaluationSettings {
  ExecutorSettings executor;
  bool static_control = false;     // also run every stage alone on all images, as a control in the same run
  double largest_mmac = 0;         // of the stage that costs are compared with, if larger than the model's own
  bool per_class = false;          // also accuracy and cost of each class
  bool compare_precision = false;  // also run all images in fp32, to show what the precision changes
  std::function<void(std::int64_t done)> progress;  // called now and then with the number of images done; may be empty
};

// One stage of the cascade. All times leave out reading the dataset.
struct StageEvaluation {
  std::string network, device;  // device: the one that runs it in the end, if one has failed
  double mmac = 0;              // for one image, the policy included
  std::int64_t entered = 0, stopped = 0;
  std::optional<double> top1_of_stopped;  // accuracy on the images that stopped here; empty if none did
  std::optional<double> ms_per_image;     // for an image that entered; empty without time_stages or if none did
  // See StageCounts.
  double seconds = 0, policy_seconds = 0, deciding_seconds = 0;
};

// One stage alone on all images.
struct StaticEvaluation {
  std::string network, device;
  double mmac = 0;
  double top1 = 0;
  std::optional<double> top5;
  double ece = 0;  // Reliability::expected_calibration_error
  double images_per_s = 0;
};

// The images of one class. What is unknown without images is empty.
struct ClassEvaluation {
  std::int64_t images = 0;
  std::optional<double> top1, mmac_per_image;
};

struct Evaluation {
  std::int64_t images = 0;
  double top1 = 0;             // share of images whose first largest answer is the label
  std::optional<double> top5;  // empty with fewer than 6 classes, where it would say nothing
  double mmac_per_image = 0;   // mean multiply-adds per image, in millions, policies included
  double mac_fraction = 0;     // of the largest stage alone
  double seconds = 0, images_per_s = 0;
  std::vector<StageEvaluation> stages;
  std::vector<StaticEvaluation> static_stages;  // with static_control
  std::vector<ClassEvaluation> classes;         // with per_class
  std::vector<int> exit_stage;                  // [images]
  StageProbabilities alone;                     // with static_control: every stage on every image

  std::optional<PrecisionChange> precision_change;  // with compare_precision
  PipelineStatistics pipeline;                      // of the cascade; failures also of controls on its devices

  // Savings against the largest stage alone, 1 - cost of the cascade / cost of the stage, in MACs and in time of this
  // run. The saving in time is known only with static_control, and only where that stage runs. Negative if the cascade
  // costs more.
  double predicted_saving = 0;
  std::optional<double> measured_saving;
  // Measured saving divided by predicted saving. Empty where either is unknown or no saving is predicted.
  std::optional<double> saving_ratio() const;
};

// The class of the least accuracy, the first one of equals, in an evaluation with per_class.
std::size_t worst_class(const Evaluation& evaluation);

// Classifies all images of a dataset, as the settings of the executor say or the model's own decision. Throws FileError
// if the dataset does not fit the model or cannot be read.
Evaluation evaluate(const Model& model, const std::vector<Device>& devices, const Dataset& dataset,
                    const EvaluationSettings& settings);

}  // namespace cascadecl
