#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/model.h"
#include "trainer/settings.h"

namespace cascadecl {

// The images of a training split that the model's stages were not fitted to, ascending. They are those that the model's
// training held out; the model keeps seed, share and data of it. Throws UsageError if the model does not tell how it
// was trained, held out none, trained on them in the end (Refit), or was trained on another split.
std::vector<std::int64_t> held_out_images(const Model& model, const Dataset& train);

// Whether the stages of a model were at last trained on all of these images, those too that its training had held out
// (Refit).
bool saw_held_out(const Model& model, const Dataset& train);

// The settings for training the stages of a model further on the same images. Seed, validation share, batch size,
// momentum, weight decay and augmentation are those of the model's training; the others are the defaults. Throws
// UsageError if the model does not tell how it was trained.
TrainSettings settings_of(const Model& model);

}  // namespace cascadecl
