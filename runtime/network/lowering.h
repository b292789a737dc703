#pragma once
#include <functional>
#include <string>
#include <vector>

#include "runtime/network/description.h"

namespace cascadecl {

// A network as the few launches that compute it, still without a device. Batch norm and ReLU become ways of reading a
// tensor (views), a residual add becomes part of the convolution before it.

// How a step reads a tensor: the tensor itself, behind the batch norm of layer `batch_norm` (-1: none), behind a ReLU.
struct LoweredView {
  int tensor = -1;
  int batch_norm = -1;
  bool relu = false;
  bool plain() const { return batch_norm < 0 && !relu; }
};

struct LoweredStep {
  enum class Kind { convolution, add, pool, global_pool, dense, materialize, residual_stage };
  Kind kind = Kind::convolution;
  int layer = -1;           // index of the layer that gives the step its parameters
  std::vector<int> layers;  // all layers it computes, in order: "block1/unit1/bn1 + ..."
  LoweredView in, other;    // `other`: the second summand of an add
  int residual = -1;        // convolution: this tensor is added to the result
  int out = -1;             // the tensor it writes
  // residual_stage: the convolutions that it runs, in order: two for each unit, an odd first one makes x.
  std::vector<LoweredStep> parts = {};
  // residual_stage: tensor of rows that takes the mean over pixels of `out` behind this batch norm and a ReLU; -1:
  // none.
  int pooled = -1, pooled_norm = -1;
};

struct LoweredTensor {
  ImageShape shape;
  bool rows = false;             // plain rows [n][C] (pooled features, logits), not channel-blocked
  int readers = 0;               // steps that read it (a residual counts)
  int last_reader = -1;          // index of the last such step
  std::vector<int> batch_norms;  // layers that normalise it
};

struct Lowering {
  std::vector<LoweredTensor> tensors;  // 0 is the image
  std::vector<LoweredStep> steps;      // the last one writes the logits
};

// Throws ShapeError for what no plan can run: a pool whose window is not square, a global pool of a non-square image
// that feeds another layer than dense.
Lowering lower(const Network& network);

// How many of its residual units a stage may hold, none where they cannot be fused.
using MostUnits = std::function<int(const LoweredStep& stage)>;

// The same with runs of residual units, the convolution before each run and the global pool behind it as one step. For
// inference: what lies between the units is not kept.
Lowering fuse_residual_stages(const Network& network, Lowering lowering, const MostUnits& most_units);

// Counts the readers of each tensor anew.
void note_readers(Lowering& lowering);

// "block1/unit1/bn1 + block1/unit1/relu1 + ..." with the common prefix named once.
std::string layer_names(const Network& network, const LoweredStep& step);

}  // namespace cascadecl
