#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/ops/flip.h"
#include "runtime/study/runs/stage_costs.h"
#include "trainer/best_epoch.h"
#include "trainer/class_weights.h"
#include "trainer/per_stage.h"
#include "trainer/policy_learning.h"
#include "trainer/refit.h"
#include "trainer/schedule.h"

namespace cascadecl {

// What stages learn from in the joint phase (share/doc/policy.md).
//   cross_entropy  of the answers combined of the stages visited, see CombinedTrainer
//   own            each stage's own cross-entropy, for as long: the control that shows what the others are worth
//   reinforce      the paper's: the reward of a sampled exit, see JointTrainer
enum class JointLoss { cross_entropy, own, reinforce };
std::string_view to_string(JointLoss loss);         // "cross-entropy", "own", "reinforce"
JointLoss parse_joint_loss(std::string_view text);  // throws UsageError naming the three

// Everything that decides the result of a training, apart from the data and the device. The defaults learn.
struct TrainSettings {
  // Network names or layer-list files, see parse_stages(). MODEL#1 is stage 1 of that model file as it is trained
  // there; the pretrain phase leaves it alone.
  std::vector<std::string> stages;
  bool pretrain = true, policy = true, joint = false;  // phases to run
  Refit refit = Refit::none;                           // the phase after those
  PerStage<int> epochs = 12;
  KeepEpoch keep = KeepEpoch::last;  // of each stage's pretraining
  int patience = 0;                  // epochs without better held-out accuracy after which a stage ends; 0: never
  JointLoss joint_loss = JointLoss::cross_entropy;
  int joint_epochs = 20;
  int batch_size = 128;
  int micro_batch = 0;  // see PretrainSettings; 0: all of the batch, or what fits into the device's memory
  PerStage<double> learning_rate = 0.1;
  // Fine-tunes the stages of another model to the classes of this data, see with_new_head(). All layers but the last,
  // which is new, are pretrained with this share of the learning rate.
  bool new_head = false;
  double base_learning_rate_scale = 0.1;
  PerStage<double> joint_learning_rate = 0.02;  // JointLoss::reinforce takes one for all, and wants 1e-4
  double momentum = 0.9, weight_decay = 5e-4;
  bool nesterov = false;
  Schedule schedule = Schedule::one_cycle;
  bool augment = true;
  Flip flip = Flip::random;
  PerStage<int> cutout = 0;  // of pretraining, like the next one
  double label_smoothing = 0;
  ClassWeights class_weights = {};
  // Pretraining learns from the answers of a trained model, too, see read_teacher() and Distillation; empty: it does
  // not. Stages of weight 0 learn from the labels alone. Temperature 0: default_teacher_temperature().
  std::string teacher = {};
  PerStage<double> teacher_weight = 0.9;
  double teacher_temperature = 0;
  double validation_share = 0.1;  // of the training images, held out for the policies
  PolicyLearning learning;        // of the policies; momentum and batch size are those of the stages
  // Find the best ways to run the cascade at the end (fit_frontier), and choose the cheapest one that loses half a
  // point at most. If not, the policies of learning.alpha decide.
  bool frontier = true;
  CostUnit cost = CostUnit::mac;  // what F_t counts; ms and mj are measured on the device when the training starts
  std::uint64_t seed = 1;         // also decides which images are held out
  // The seed of the policies and of the joint phase, if it is not `seed`: for several runs on the same stages and
  // images.
  std::optional<std::uint64_t> policy_seed = {};
  bool learns_as_in_the_paper() const { return joint && joint_loss == JointLoss::reinforce; }
  std::uint64_t seed_of_policies() const { return policy_seed.value_or(seed); }
};

// As JSON text, for the model file and checkpoints.
std::string to_json(const TrainSettings& settings);

// The settings in which the two differ, as "alpha (0.1, not 0.2), seed (...)"; empty if they train the same.
std::string differences(const std::string& json_a, const std::string& json_b);

}  // namespace cascadecl
