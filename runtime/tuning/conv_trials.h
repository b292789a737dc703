#pragma once
#include <memory>
#include <vector>

#include "runtime/ops/conv.h"
#include "runtime/tuning/tuner.h"

// Convolutions as the tuner runs them: with all fusions that networks give them, on random data.
namespace cascadecl {

struct ConvFilterFusion {
  ViewKind view;
  bool pair = false;
  bool operator==(const ConvFilterFusion&) const = default;
};

// What a convolution of some networks does, by the operation that is tuned: one of the lists is filled.
struct ConvUses {
  ConvGeometry geometry;
  BatchClass batch = BatchClass::many;
  int images = 1, checked_images = 1;
  std::vector<ConvFusion> forward;
  std::vector<ConvBackwardData::Fusion> data;
  std::vector<ConvFilterFusion> filter;
};

// Makes the trials of a job; they share their data, which is drawn at the first one.
std::function<std::unique_ptr<Trial>(const Device&, KernelClass)> conv_trials(const ConvUses& uses);

}  // namespace cascadecl
