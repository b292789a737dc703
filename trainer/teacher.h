#pragma once
#include <string>

#include "data/dataset.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// A trained model whose answers the stages of a pretraining learn from.
struct Teacher {
  Model model;  // an image visits all of its stages; its combination says what they answer together, none: the last
                // one answers alone
  std::string identity;  // tells its answers from those of any other teacher
};

// Reads "MODEL#1", stage 1 of a model file, "MODEL", its last stage, or "MODEL#combined", all of its stages by their
// fitted weights. Throws UsageError that names entry and fault if there is no such stage, if it has no fitted weights,
// or if the dataset's classes, their names, image size, mean or std are not those of the model; FileError if the file
// cannot be read.
Teacher read_teacher(const std::string& entry, const DatasetHeader& header);

// The temperature of distillation unless the user gives another: 4 from 100 classes on, else 3.
double default_teacher_temperature(int classes);

}  // namespace cascadecl
