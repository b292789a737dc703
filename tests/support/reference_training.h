#pragma once
#include <map>
#include <span>
#include <string>

#include "runtime/network/batch_norm_mode.h"
#include "runtime/network/parameters.h"
#include "tests/support/reference_ops.h"

// One training step's forward and backward pass of a whole network in plain double precision.
namespace cascadecl::reference {

using DoubleParameters = std::map<std::string, Values, std::less<>>;
DoubleParameters to_double(const Parameters& parameters);

struct TrainingPass {
  Values logits;                // [n][classes]
  double loss = 0;              // mean cross-entropy, weighted by class
  DoubleParameters gradients;   // of the loss, by each trained parameter
  DoubleParameters statistics;  // running_mean and running_variance afterwards
};

// images [n][C][H][W], labels [n], class_weights [classes] or empty: all 1.
TrainingPass training_pass(const Network& network, const DoubleParameters& parameters, const Values& images,
                           std::span<const int> labels, BatchNormMode mode, const Values& class_weights = {});

// Logits [n][classes] and the loss alone, for finite differences.
Values training_logits(const Network& network, const DoubleParameters& parameters, const Values& images,
                       std::span<const int> labels, BatchNormMode mode);
double training_loss(const Network& network, const DoubleParameters& parameters, const Values& images,
                     std::span<const int> labels, BatchNormMode mode);

}  // namespace cascadecl::reference
