#include "trainer/training_data.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "trainer/checkpoint.h"
#include "trainer/stage_entry.h"
#include "trainer/training.h"

namespace cascadecl {
namespace {

Model model_of_checkpoint(const std::filesystem::path& file) {
  Checkpoint checkpoint = read_checkpoint(file);
  Model model = std::move(checkpoint.state.model);
  if (model.color_order.empty())  // of a file from before models told it
    model.color_order = nlohmann::json::parse(checkpoint.settings).value("color_order", "");
  return model;
}

Model model_of_entry(const std::string& entry) { return read_model(split_stage_entry(entry).path); }

// With a new head only images and their colours must fit.
Model any_classes(Model model, const Dataset& data) {
  model.classes = data.header().classes();
  model.label_names.clear();
  return model;
}

}  // namespace

DatasetOfModel training_data(const TrainSettings& settings, std::shared_ptr<const Dataset> data,
                             const std::filesystem::path& checkpoint, bool resume,
                             const std::optional<Model>& initial) {
  if (resume) return dataset_of_model(model_of_checkpoint(checkpoint), std::move(data));
  if (initial && settings.new_head) {
    const Model model = any_classes(*initial, *data);
    return dataset_of_model(model, std::move(data));
  }
  if (initial) return dataset_of_model(*initial, std::move(data));
  const auto other = std::ranges::find_if(settings.stages, trained_elsewhere);
  if (other != settings.stages.end()) return dataset_of_model(model_of_entry(*other), std::move(data));
  try {
    if (!settings.teacher.empty()) return dataset_of_model(model_of_entry(settings.teacher), data);
  } catch (const FileError&) {
    // read_teacher() will tell what is wrong with it
  }
  return {std::move(data), {}};
}

}  // namespace cascadecl
