#pragma once
#include <functional>
#include <string>
#include <vector>

#include "runtime/network/description.h"
#include "runtime/ops/activation_function.h"

namespace cascadecl {

struct StepKind;

// A network as the few launches that compute it, still without a device. Batch norm and activation functions become
// ways of reading a tensor (views). A residual add becomes part of the convolution before it.

// How a step reads a tensor: the tensor itself, behind the batch norm of layer `batch_norm` (-1: none), behind an
// activation function.
struct LoweredView {
  int tensor = -1;
  int batch_norm = -1;
  ActivationFunction activation = {};
  bool plain() const { return batch_norm < 0 && activation.none(); }
};

struct LoweredStep {
  const StepKind* kind = nullptr;   // how it runs, see steps/step.h
  int layer = -1;                   // index of the layer that gives the step its attributes and parameters
  std::vector<int> layers;          // all layers it computes, in order: "block1/unit1/bn1 + ..."
  std::vector<LoweredView> inputs;  // what it reads; a convolution's residual is its second input
  std::vector<int> outputs;         // the tensors it writes
  int in_place = -1;                // the first output may take the memory of this input, where nothing reads it later
  std::vector<LoweredStep> parts = {};  // a residual block: the steps that it replaces

  const LoweredView& in() const { return inputs.front(); }
  int out() const { return outputs.front(); }
};

struct LoweredTensor {
  ImageShape shape;
  bool rows = false;             // plain rows [n][C] (pooled features, logits), not channel-blocked
  int readers = 0;               // inputs of steps that read it
  int last_reader = -1;          // index of the last such step
  std::vector<int> batch_norms;  // layers that normalise it
};

struct Lowering {
  std::vector<LoweredTensor> tensors;  // 0 is the image
  std::vector<LoweredStep> steps;      // the last one writes the logits
};

Lowering lower(const Network& network);

// The most residual units that a block may hold; 0 where they cannot be fused.
using MostUnits = std::function<int(const LoweredStep& block)>;

// The same for inference, with each run of residual units as one step, together with the convolution before it and the
// global pool behind it. Tensors between the units are not kept.
Lowering fuse_residual_blocks(const Network& network, Lowering lowering, const MostUnits& most_units);

// Counts the readers of each tensor anew.
void note_readers(Lowering& lowering);

// "block1/unit1/bn1 + block1/unit1/relu1 + ..." with the common prefix named once.
std::string layer_names(const Network& network, const LoweredStep& step);

}  // namespace cascadecl
