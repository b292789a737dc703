#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "data/dataset.h"
#include "runtime/study/answers/dataset_of_model.h"
#include "trainer/settings.h"

namespace cascadecl {

// A training split as train() sees it: with classes and colours as in the model that it goes on from. That is the
// checkpoint's when it resumes, else `initial`, else the first "MODEL#1" among the stages, else the teacher. Without
// any, the dataset itself. Whoever uses the result of a training together with its images must see them so, too.
// Throws FileError if the dataset does not fit the model (change_for()), or if a file cannot be read.
DatasetOfModel training_data(const TrainSettings& settings, std::shared_ptr<const Dataset> data,
                             const std::filesystem::path& checkpoint, bool resume, const std::optional<Model>& initial);

}  // namespace cascadecl
