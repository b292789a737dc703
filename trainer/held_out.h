#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/cascade/model.h"
#include "trainer/settings.h"

namespace cascadecl {

// The images of a training split that the model's stages were not fitted to: the ones that its training, of which the
// model keeps seed, share and data, held out. Ascending. Throws UsageError if the model does not tell how it was
// trained or held out none, or if this is not the split that it was trained on.
std::vector<std::int64_t> held_out_images(const Model& model, const Dataset& train);

// The settings by which a model was trained that a further training of its stages on the same images keeps: seed,
// validation share, batch size, momentum, weight decay and augmentation; the others are the defaults. Throws UsageError
// if the model does not tell.
TrainSettings settings_of(const Model& model);

}  // namespace cascadecl
