#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/dataset_view.h"
#include "runtime/cascade/model.h"

namespace cascadecl {

// A dataset meets a model by the names of its classes and by the order of its colours, in whatever order both have
// them. The rules:
// - Images must have the model's shape, and there must be as many classes.
// - Classes of the same names are the same classes, whatever their numbers. If the names are others, the dataset is
//   refused. Where either side has no names, or only numbers ("7", "class 7"), the numbers count.
// - Images in BGR are turned for a model of RGB, and the other way round. Other orders must be the same; "none" also
//   fits a model whose file does not tell.

// What must be changed of the dataset for this. Throws FileError naming both sides and the first class that differs.
DatasetChange change_for(const Model& model, const DatasetHeader& dataset);

// Throws FileError as change_for(), and if anything must be changed: then classes or channels would be mistaken.
void check_dataset(const Model& model, const DatasetHeader& dataset);

// A dataset as the model counts its classes and sees its colours. `notes` tell people what was changed, if anything.
struct DatasetOfModel {
  std::shared_ptr<const Dataset> dataset;
  std::vector<std::string> notes;
};

// The dataset itself if nothing is to be changed. Throws as change_for().
DatasetOfModel dataset_of_model(const Model& model, std::shared_ptr<const Dataset> dataset);

}  // namespace cascadecl
