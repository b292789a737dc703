#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/combine.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/policies/stopping_policy.h"
#include "runtime/opencl/device.h"
#include "runtime/study/answers/label_probabilities.h"

namespace cascadecl {

// The answers of all stages of a cascade for every image, and the stop probabilities of its policies. They are enough
// to know accuracy and multiply-adds of any policy and threshold without running a network again. K stages, N images.
struct CascadeTable {
  StageProbabilities probabilities;     // [K][N][classes]
  std::vector<float> stop_probability;  // [K][N] of the model's policies, 1 at the last stage; empty without policies
  std::vector<std::int32_t> labels;     // [N]
  std::vector<std::int64_t> numbers;    // [N], of the images in their dataset
  std::vector<double> network_mmac;     // [K], of one image
  std::vector<double> policy_mmac;      // [K - 1], of one image and policy; empty without policies
  StageFeatures features = {};          // [K][N * features of the stage]; empty unless asked for
  CombinationWeights combination = {};  // the model's, for policies that see the combined answer; empty without

  std::size_t stages() const { return probabilities.stages; }
  std::size_t images() const { return probabilities.images; }
  Visit visit(std::size_t stage, std::size_t image) const;
};

// Runs every stage on the images at `indices`, and the model's policies. Keeps the stages' features if asked for, or if
// the model's policies or exit functions read them. Throws as label_probabilities() does.
CascadeTable cascade_table(const Model& model, const Device& device, const Dataset& dataset,
                           std::span<const std::int64_t> indices, const ExecutorSettings& settings = {},
                           const std::function<void(std::int64_t done)>& progress = {}, bool features = false);
// The same table with other policies of the same stages, which run on the device. Throws UsageError if they read
// features or a combination that the table does not hold.
CascadeTable with_policies(CascadeTable table, const std::vector<Policy>& policies, const Device& device);

// The table with A_k in the place of C_k: the answer of the table's combination to an image that stops at stage k.
// Throws UsageError without a combination.
CascadeTable with_combined_answers(CascadeTable table);

// [K - 1][N] scores of a policy. They do not depend on its limit.
std::vector<double> scores_of(const CascadeTable& table, const StoppingScore& score);

// The stage where an image leaves under these scores and a limit, which is the same at all stages; see stops().
std::size_t exit_of(const CascadeTable& table, std::span<const double> scores, double limit, std::size_t image);

// Accuracy and cost of a cascade with a policy on a table. Costs are those of the networks and, with asks_model, of the
// policies visited.
struct Simulation {
  std::vector<int> exit_stage;        // [N]
  std::vector<std::int64_t> stopped;  // [K]
  double top1 = 0;
  std::optional<double> top5;
  double mmac_per_image = 0, mac_fraction = 0;  // mac_fraction: of the largest stage alone
};

struct SimulationSettings {
  double limit = 0.5;       // the same at all stages
  bool asks_model = false;  // see asks_model(PolicyKind)
  Combine combine = Combine::last;
  CombinationWeights combination = {};
};

Simulation simulate(const CascadeTable& table, std::span<const double> scores, const SimulationSettings& settings);
// Stage `stage` alone on all images.
Simulation simulate_static(const CascadeTable& table, std::size_t stage);

// The multiply-adds that a limit gives, without the answers.
double mmac_at(const CascadeTable& table, std::span<const double> scores, double limit, bool asks_model);
// The limit whose cost comes closest to mmac_per_image without exceeding it; the limit of the lowest cost if none does.
double limit_at_mmac(const CascadeTable& table, std::span<const double> scores, double mmac_per_image, bool asks_model);

}  // namespace cascadecl
