#include "cli/predictions_file.h"

#include <cstddef>
#include <span>

#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

// Appends what a piece, [stages][row], has of stage k.
void append_stage(const std::vector<float>& piece, std::size_t stages, std::size_t k, std::vector<float>& all) {
  const auto row = static_cast<std::ptrdiff_t>(piece.size() / stages);
  const auto first = piece.begin() + static_cast<std::ptrdiff_t>(k) * row;
  all.insert(all.end(), first, first + row);
}

}  // namespace

PredictionsWriter::PredictionsWriter(const std::filesystem::path& target, const ChosenCascade& cascade,
                                     const std::string& device, std::int64_t images)
    : file_(target), classes_(cascade.model.classes), stages_(cascade.model.stages.size()) {
  const Model& model = cascade.model;
  std::vector<std::string> networks;
  for (const Stage& stage : model.stages) networks.push_back(stage.network.name());
  file_.write_attribute("/", "format_version", predictions_format_version);
  file_.write_attribute("/", "networks", networks);
  if (!model.label_names.empty()) file_.write_attribute("/", "label_names", model.label_names);
  file_.write_attribute("/", "stop", to_string(cascade.choice));
  file_.write_attribute("/", "combine", to_string(*cascade.settings.combine));
  file_.write_attribute("/", "device", device);
  file_.write_attribute("/", "precision", to_string(cascade.settings.precision));
  const auto most = static_cast<std::size_t>(images), values = most * static_cast<std::size_t>(classes_);
  for (StageRows& rows : stages_) {
    rows.probabilities.reserve(values);
    rows.stop_probability.reserve(most);
  }
  exit_stage_.reserve(most);
  answer_.reserve(values);
}

void PredictionsWriter::append(const CascadeResult& result) {
  exit_stage_.insert(exit_stage_.end(), result.exit_stage.begin(), result.exit_stage.end());
  answer_.insert(answer_.end(), result.answer.begin(), result.answer.end());
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    append_stage(result.probabilities, stages_.size(), k, stages_[k].probabilities);
    append_stage(result.stop_probability, stages_.size(), k, stages_[k].stop_probability);
  }
}

void PredictionsWriter::commit(const std::vector<std::string>& names) {
  const auto images = static_cast<std::int64_t>(exit_stage_.size()), stages = static_cast<std::int64_t>(stages_.size());
  if (!names.empty()) file_.write_strings("/name", names);
  file_.write("/exit_stage", {images}, exit_stage_);
  file_.write("/answer", {images, classes_}, answer_);
  file_.create_dataset<float>("/probabilities", {stages, images, classes_}, {});
  file_.create_dataset<float>("/stop_probability", {stages, images}, {});
  for (std::size_t k = 0; k < stages_.size(); ++k) {
    const auto row = static_cast<std::int64_t>(k);
    file_.write_rows("/probabilities", row, std::span<const float>(stages_[k].probabilities));
    file_.write_rows("/stop_probability", row, std::span<const float>(stages_[k].stop_probability));
  }
  file_.commit();
}

}  // namespace cascadecl
