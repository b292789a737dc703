#include "cli/predict_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "cli/image_answer.h"
#include "cli/image_list.h"
#include "cli/open_device.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/predictions_file.h"
#include "cli/progress.h"
#include "cli/standard_files.h"
#include "data/files/error.h"
#include "data/import/network_image.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// Some of the files: all their names, and the images of those that have no problem.
struct Piece {
  std::vector<ImageAnswer> answers;  // still without answers
  std::vector<std::uint8_t> images;  // [N][C][H][W]
};

NetworkImage read_image_from_standard_input(ImageDims dims) {
  try {
    return {decode_network_image(read_standard_input(largest_image_file), "standard input", dims).pixels, ""};
  } catch (const FileError& error) {
    return {{}, error.what()};
  }
}

class PieceReader {
 public:
  PieceReader(std::span<const std::filesystem::path> files, const Model& model, std::size_t files_at_once)
      : left_(files),
        dims_{model.input.channels, model.input.height, model.input.width},
        model_(model),
        files_at_once_(files_at_once) {}

  std::optional<Piece> next() {
    if (left_.empty()) return std::nullopt;
    const auto files = left_.first(std::min(files_at_once_, left_.size()));
    left_ = left_.subspan(files.size());
    std::vector<NetworkImage> images = read_network_images(files, dims_);
    Piece piece;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i] == standard_input_name) images[i] = read_image_from_standard_input(dims_);
      turn_pictures(model_, images[i].pixels);
      piece.answers.push_back({.name = files[i].string(), .problem = images[i].problem, .top = {}});
      piece.images.insert(piece.images.end(), images[i].pixels.begin(), images[i].pixels.end());
    }
    return piece;
  }

 private:
  std::span<const std::filesystem::path> left_;
  ImageDims dims_;
  const Model& model_;
  std::size_t files_at_once_;
};

// The stages that an image visited, in order.
ordered_json visited_json(const Model& model, const CascadeResult& result, std::size_t i) {
  ordered_json stages = ordered_json::array();
  const auto images = static_cast<std::size_t>(result.images), classes = static_cast<std::size_t>(result.classes);
  for (std::size_t k = 0; k <= static_cast<std::size_t>(result.exit_stage[i]); ++k) {
    const auto row = std::span(result.probabilities).subspan((k * images + i) * classes, classes);
    stages.push_back({{"network", model.stages[k].network.name()},
                      {"stop_probability", result.stop_probability[k * images + i]},
                      {"probabilities", std::vector<float>(row.begin(), row.end())}});
  }
  return stages;
}

std::span<const float> answer_to(const CascadeResult& result, std::size_t i) {
  const auto classes = static_cast<std::size_t>(result.classes);
  return std::span(result.answer).subspan(i * classes, classes);
}

// All answers, piece by piece.
class Answers {
 public:
  Answers(const Model& model, int top, bool json) : model_(model), top_(top), with_json_(json) {}

  // `result` is of the images of the piece, if it has any.
  void add(Piece piece, const CascadeResult& result) {
    std::size_t i = 0;
    for (ImageAnswer& image : piece.answers) {
      if (!image.problem.empty()) {
        if (with_json_) json_.push_back({{"image", image.name}, {"error", image.problem}});
      } else {
        image.top = most_probable(answer_to(result, i), top_);
        image.exit_stage = result.exit_stage[i];
        names_.push_back(image.name);
        if (with_json_) json_.push_back(image_json(image, result, i));
        ++i;
      }
      all_.push_back(std::move(image));
    }
  }

  std::span<const ImageAnswer> all() const { return all_; }
  const ordered_json& json() const { return json_; }
  const std::vector<std::string>& names() const { return names_; }  // of the images that have an answer

 private:
  ordered_json image_json(const ImageAnswer& image, const CascadeResult& result, std::size_t i) const {
    const RankedLabel& best = image.top.front();
    const auto answer = answer_to(result, i);
    ordered_json json = {{"image", image.name},
                         {"label", best.label},
                         {"label_name", model_.label_name(best.label)},
                         {"probability", best.probability},
                         {"exit_stage", image.exit_stage},
                         {"mmac", model_.macs_through(image.exit_stage) / 1e6},
                         {"answer", std::vector<float>(answer.begin(), answer.end())},
                         {"stages", visited_json(model_, result, i)}};
    if (top_ > 1) json["top"] = top_json(model_, image.top);
    return json;
  }

  const Model& model_;
  int top_;
  bool with_json_;
  std::vector<ImageAnswer> all_;
  std::vector<std::string> names_;
  ordered_json json_ = ordered_json::array();
};

void tell_ignored(const ImageList& list, bool quiet) {
  if (!list.ignored.empty())
    note(fmt::format("cascadecl predict: left out {} files that are not called as images are, the first {}",
                     grouped(static_cast<long long>(list.ignored.size())), shown_line(list.ignored.front().string())),
         quiet);
}

// One bad file alone is the error itself.
void tell_problems(const Piece& piece, std::size_t files) {
  for (const ImageAnswer& image : piece.answers)
    if (!image.problem.empty() && files > 1) note("cascadecl predict: " + shown_line(image.problem), false);
}

void refuse_problems(std::span<const ImageAnswer> answers, const std::vector<std::string>& names) {
  const std::size_t bad = answers.size() - names.size();
  if (bad == 0) return;
  if (answers.size() == 1) throw FileError(answers.front().problem);
  if (names.empty()) throw FileError(fmt::format("none of the {} images can be read", answers.size()));
  throw FileError(fmt::format("{} of the {} images cannot be read", bad, answers.size()));
}

}  // namespace

void predict_files(ChosenCascade& cascade, const FilePrediction& asked, const CascadeFlags& flags,
                   const Options& options) {
  const Model& model = cascade.model;
  ExecutorSettings& settings = cascade.settings;
  const ImageList list = list_images(asked.paths);
  check_not_input("--output", asked.output, list.files);
  check_not_input("--csv", asked.csv, list.files);
  check_writable(asked.csv);
  tell_ignored(list, options.quiet());
  Answers answers(model, asked.top, options.json());
  PieceReader reader(list.files, model, static_cast<std::size_t>(settings.max_batch) * 8);
  std::optional<Piece> piece = reader.next();
  for (; piece && piece->images.empty(); piece = reader.next()) {
    tell_problems(*piece, list.files.size());
    answers.add(*std::move(piece), {});
  }
  if (!piece) return refuse_problems(answers.all(), answers.names());

  const std::vector<Device> devices = flags.place(cascade, piece->images, options.quiet());
  settings.max_batch = fitting_batch(model, devices, settings);
  const std::string device = device_names(devices);
  std::optional<PredictionsWriter> writer;
  if (!asked.output.empty())
    writer.emplace(asked.output, cascade, device, static_cast<std::int64_t>(list.files.size()));
  CascadeExecutor executor(model, devices, settings);
  Progress progress("predicting", static_cast<std::int64_t>(list.files.size()), options.quiet());
  for (; piece; piece = reader.next()) {
    progress.wipe();
    tell_problems(*piece, list.files.size());
    const CascadeResult result = executor.classify(piece->images, answers.names().size());
    if (writer) writer->append(result);
    answers.add(*std::move(piece), result);
    progress.update(static_cast<std::int64_t>(answers.all().size()));
  }
  progress.wipe();
  if (options.json()) {
    ordered_json all = {{"device", device},
                        {"batch_size", settings.max_batch},
                        {"precision", to_string(settings.precision)},
                        {"images", answers.json()}};
    all.update(pipeline_json(executor.statistics()));
    print_json(all);
  } else {
    print(fmt::format("{}on {}, {}\n{}", answers_text(model, answers.all()), device, to_string(settings.precision),
                      failures_text(executor.statistics())));
  }
  write_file(asked.csv, answers_csv(model, answers.all()));
  if (writer) writer->commit(answers.names());
  flags.write_trace(settings);
  refuse_problems(answers.all(), answers.names());
}

}  // namespace cascadecl
