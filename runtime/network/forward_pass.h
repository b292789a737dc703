#pragma once
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "runtime/network/batch_norm_mode.h"
#include "runtime/network/lowering.h"
#include "runtime/network/parameter_store.h"
#include "runtime/network/plan_step.h"
#include "runtime/network/step_clock.h"
#include "runtime/opencl/parallel_queues.h"
#include "runtime/ops/batch_norm.h"
#include "runtime/ops/conv.h"
#include "runtime/ops/dense.h"
#include "runtime/ops/elementwise.h"
#include "runtime/ops/pool.h"
#include "runtime/ops/residual_stage.h"

namespace cascadecl {

// The operations of a lowered network on one device, over tensors that its owner lays out: what inference and training
// have in common.
class ForwardPass {
 public:
  // statistics: convolutions also measure what batch norm in training needs. Without, residual units are fused to
  // stages where the device can.
  ForwardPass(const Device& device, const Network& network, const ParameterStore& parameters, int max_batch,
              KernelClass kernels, bool statistics, Precision precision = Precision::fp32);

  // So many of the first steps may run some images ahead of others. Their tensors may share memory only if they are of
  // one size, so that an image has the same place in both.
  std::size_t steps_apart() const { return steps_apart_; }
  // Memory of each tensor but the image, which comes with run(): [max_batch] images or rows each.
  void set_tensors(std::vector<Activation> tensors) { tensors_ = std::move(tensors); }
  std::size_t tensor_elements(int tensor) const;  // for max_batch images
  Precision tensor_precision(int tensor) const;   // rows are always floats

  void prepare_weights();       // after each change of the convolutions' weights
  void prepare_frozen_norms();  // after each change of what batch norm knows; for frozen runs
  // Frozen: prepare_frozen_norms() must have been called. batch: statistics of these n images.
  // With a clock it waits for the device after each step.
  void run(int n, const Activation& images, BatchNormMode mode, StepClock* clock = nullptr);

  View view(const LoweredView& in) const;
  ViewKind kind(const LoweredView& in) const { return {in.batch_norm >= 0, in.relu, precision_}; }
  const Lowering& lowering() const { return lowering_; }
  const Layer& layer(int i) const { return network_.layers()[static_cast<std::size_t>(i)]; }
  const LoweredTensor& tensor_facts(int tensor) const { return lowering_.tensors[static_cast<std::size_t>(tensor)]; }
  ImageShape shape(int tensor) const { return tensor_facts(tensor).shape; }
  const Activation& activation(int tensor) const { return tensors_[static_cast<std::size_t>(tensor)]; }
  Array<float> tensor(int i) const { return activation(i).floats(); }  // where it holds floats
  BatchNorm& norm(int layer) { return norms_.at(layer); }
  ConvGeometry geometry(const LoweredStep& step) const;
  PoolGeometry pool_geometry(const LoweredStep& step) const;
  Pool& pool(std::size_t step) { return std::get<Pool>(operations_[step]); }
  GlobalAveragePool& global_pool(std::size_t step) { return std::get<GlobalAveragePool>(operations_[step]); }
  Dense& dense(std::size_t step) { return std::get<Dense>(operations_[step]); }
  // Array for the moments or sums of the largest tensor, [max_batch][2][C padded], free between steps.
  const Array<float>& moments() const { return moments_; }
  const Network& network() const { return network_; }

  std::vector<PlanStep> steps() const;
  std::size_t weight_bytes() const;  // transformed filters

 private:
  using Operation = std::variant<ConvForward, AddViews, Pool, GlobalAveragePool, Dense, ViewMaterialize, ResidualStage>;
  Operation make_operation(const LoweredStep& step, int max_batch, KernelClass kernels, bool statistics) const;
  const Array<float>& filters(const LoweredStep& step) const;
  void run_step(std::size_t s, int n);
  std::size_t run_apart(int n);
  void run_share(std::size_t queue, int n);
  Array<float> pooled(const LoweredStep& step) const;  // empty if the step pools nothing
  void prepare_norms(int tensor, int n, bool measured);
  BatchNorm::ParameterArrays norm_parameters(int layer) const;

  Device device_;
  Network network_;
  const ParameterStore* parameters_;
  Lowering lowering_;
  int max_batch_;
  Precision precision_;
  std::vector<Operation> operations_;
  std::optional<ParallelQueues> queues_;  // for the first steps_apart_ steps, which are residual stages
  std::size_t steps_apart_ = 0;
  std::map<int, BatchNorm> norms_;  // by layer
  std::vector<Activation> tensors_;
  Array<float> moments_;
};

}  // namespace cascadecl
