#pragma once
#include <memory>
#include <string>

#include "data/dataset.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// The split named by `--data FILE[:split]`; without a split the one called `split`. Throws UsageError naming --data,
// FileError.
std::unique_ptr<Dataset> open_data(const std::string& data, const std::string& split);

// The same as a model counts its classes and sees its colours (dataset_of_model.h). A note on stderr tells what was
// changed for it, unless quiet. Throws FileError too if the dataset does not fit the model.
std::shared_ptr<const Dataset> open_data(const std::string& data, const std::string& split, const Model& model,
                                         bool quiet);

}  // namespace cascadecl
