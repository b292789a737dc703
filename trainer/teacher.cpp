#include "trainer/teacher.h"

#include <fmt/format.h>

#include <utility>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/answers/table_file.h"
#include "trainer/stage_entry.h"

namespace cascadecl {
namespace {

// Throws UsageError naming what differs.
void check_taught(const std::string& entry, const Model& model, const DatasetHeader& header) {
  const auto fail = [&](const std::string& fault) { throw UsageError(fmt::format("teacher {}: {}", entry, fault)); };
  const ImageShape shape{header.dims.channels, header.dims.height, header.dims.width};
  if (model.input != shape)
    fail(fmt::format("it takes images of {} (channels, rows, columns), those of dataset {} are {}",
                     to_string(model.input), header.name, to_string(shape)));
  if (model.classes != header.classes())
    fail(fmt::format("it has {} classes, dataset {} has {}", model.classes, header.name, header.classes()));
  for (std::size_t c = 0; c < model.label_names.size(); ++c)
    if (model.label_names[c] != header.label_names[c])
      fail(fmt::format("its class {} is '{}', that of dataset {} is '{}'", c, model.label_names[c], header.name,
                       header.label_names[c]));
  if (model.mean != header.mean || model.std != header.std)
    fail(fmt::format("it was trained with another mean and std than those of dataset {}", header.name));
}

Model all_stages(const std::string& entry, Model model) {
  const std::size_t stages = model.stages.size();
  if (model.combination.empty() || model.combination == own_answers(stages))
    throw UsageError(
        fmt::format("teacher {}: the model holds no fitted weights; cascadecl calibrate fits them", entry));
  model.policies.clear();
  model.exit_functions.clear();
  return model;
}

Model one_stage(const std::string& entry, const std::string& part, const Model& model) {
  const std::size_t last = model.stages.size() - 1;
  const auto stage = part.empty() && !entry.ends_with('#') ? last : stage_number(part, model.stages.size());
  if (!stage)
    throw UsageError(fmt::format("teacher {}: expected MODEL, MODEL#combined, or MODEL#0 to MODEL#{}", entry, last));
  return single_stage(model, *stage);
}

}  // namespace

Teacher read_teacher(const std::string& entry, const DatasetHeader& header) {
  const auto [path, part] = split_stage_entry(entry);
  Model model = read_model(path);
  check_taught(entry, model, header);
  Teacher teacher{part == "combined" ? all_stages(entry, std::move(model)) : one_stage(entry, part, model), ""};
  teacher.identity = fingerprint(teacher.model);
  if (!teacher.model.combination.empty())
    teacher.identity += fmt::format(" combined by {}", fmt::join(teacher.model.combination, " "));
  return teacher;
}

double default_teacher_temperature(int classes) { return classes >= 100 ? 4 : 3; }

}  // namespace cascadecl
