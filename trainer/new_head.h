#pragma once
#include <cstdint>

#include "data/dataset.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// The stages of a trained model for the classes of another dataset: the start of fine-tuning. The last layer of each,
// which gives the logits, has the dataset's classes and initial parameters of the seed; all others keep theirs. Label
// names, mean, standard deviation and colours are the dataset's. There are no policies, and nothing that was fitted.
// Throws FileError naming both sizes if the images are not of the model's size.
Model with_new_head(const Model& model, const DatasetHeader& dataset, std::uint64_t seed);

}  // namespace cascadecl
