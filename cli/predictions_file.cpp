#include "cli/predictions_file.h"

#include <algorithm>
#include <cstddef>

namespace cascadecl {
namespace {

// Copies the rows of a piece, `row` values each, to their place in [stages][images][row].
void place(const std::vector<float>& piece, std::vector<float>& all, std::size_t stages, std::size_t images,
           std::size_t first, std::size_t row) {
  const std::size_t count = piece.size() / stages;
  for (std::size_t k = 0; k < stages; ++k) {
    std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(k * count), count,
                all.begin() + static_cast<std::ptrdiff_t>((k * images + first) * row));
  }
}

}  // namespace

PredictionsWriter::PredictionsWriter(const std::filesystem::path& target, const PredictionsHeader& header)
    : file_(target), images_(header.images), classes_(header.classes), stages_(header.networks.size()) {
  file_.write_attribute("/", "format_version", predictions_format_version);
  file_.write_attribute("/", "networks", header.networks);
  if (!header.label_names.empty()) file_.write_attribute("/", "label_names", header.label_names);
  file_.write_attribute("/", "stop", header.stop);
  file_.write_attribute("/", "combine", header.combine);
  file_.write_attribute("/", "device", header.device);
  file_.write_attribute("/", "precision", header.precision);
  file_.create_dataset<std::int32_t>("/exit_stage", {images_}, {});
  file_.create_dataset<float>("/answer", {images_, classes_}, {});
  const std::size_t rows = stages_ * static_cast<std::size_t>(images_);
  probabilities_.resize(rows * static_cast<std::size_t>(classes_));
  stop_probability_.resize(rows);
}

void PredictionsWriter::append(const CascadeResult& result) {
  const auto images = static_cast<std::size_t>(images_), first = static_cast<std::size_t>(written_);
  const std::vector<std::int32_t> exits(result.exit_stage.begin(), result.exit_stage.end());
  file_.write_rows("/exit_stage", written_, std::span<const std::int32_t>(exits));
  file_.write_rows("/answer", written_, std::span<const float>(result.answer));
  place(result.probabilities, probabilities_, stages_, images, first, static_cast<std::size_t>(classes_));
  place(result.stop_probability, stop_probability_, stages_, images, first, 1);
  written_ += result.images;
}

void PredictionsWriter::commit() {
  const auto stages = static_cast<std::int64_t>(stages_);
  file_.write("/probabilities", {stages, images_, classes_}, probabilities_);
  file_.write("/stop_probability", {stages, images_}, stop_probability_);
  file_.commit();
}

}  // namespace cascadecl
