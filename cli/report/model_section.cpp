#include "cli/report/model_section.h"

#include <nlohmann/json.hpp>

#include "cli/frontier_text.h"
#include "cli/output.h"
#include "cli/report/confusion_section.h"
#include "cli/report/examples.h"
#include "cli/report/training_section.h"
#include "runtime/study/answers/accuracy_matrix.h"
#include "runtime/study/answers/reliability.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json stages_json(const Model& model) {
  ordered_json stages = ordered_json::array();
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    const auto network = static_cast<double>(model.stages[k].network.macs());
    stages.push_back(
        {{"network", model.stages[k].network.name()},
         {"mmac", network / 1e6},
         {"policy_mmac", (model.stage_macs(k) - network) / 1e6},
         {"policy_input", k < model.policies.size() ? ordered_json(std::string(to_string(model.policies[k].input)))
                                                    : ordered_json(nullptr)},
         {"policy_hidden",
          k < model.policies.size() ? ordered_json(model.policies[k].hidden) : ordered_json(nullptr)}});
  }
  return stages;
}

ordered_json matrix_json(const ModelRun& run, const Dataset& dataset) {
  const AccuracyMatrix matrix = accuracy_matrix(run.probabilities, run.exits, dataset.labels());
  ordered_json exits = ordered_json::array();
  for (std::size_t exit = 0; exit < matrix.images.size(); ++exit) {
    ordered_json row = ordered_json::array();
    for (const auto& top1 : matrix.top1[exit]) row.push_back(number_or_null(top1));
    exits.push_back({{"images", matrix.images[exit]},
                     {"top1", row},
                     {"answered", number_or_null(run.evaluation.stages[exit].top1_of_stopped)}});
  }
  return {{"exits", exits}, {"all", matrix.top1_of_all}};
}

// Label probabilities are those after the temperature, if the model names one.
ordered_json calibration_json(const Model& model, const ModelRun& run, const Dataset& dataset) {
  ordered_json stages = ordered_json::array();
  const std::size_t size = run.probabilities.images * run.probabilities.classes;
  for (std::size_t k = 0; k < run.probabilities.stages; ++k) {
    const auto rows = std::span<const float>(run.probabilities.values).subspan(k * size, size);
    const Reliability result = reliability(rows, dataset.labels());
    ordered_json bins = ordered_json::array();
    for (const ReliabilityBin& bin : result.bins) {
      bins.push_back({{"low", bin.low},
                      {"high", bin.high},
                      {"images", bin.images},
                      {"confidence", number_or_null(bin.confidence)},
                      {"accuracy", number_or_null(bin.accuracy)}});
    }
    stages.push_back(
        {{"ece", result.expected_calibration_error},
         {"mce", result.largest_calibration_error},
         {"mean_confidence", result.mean_confidence},
         {"top1", result.top1},
         {"temperature", model.temperatures.empty() ? ordered_json(nullptr) : ordered_json(model.temperatures[k])},
         {"bins", bins}});
  }
  return stages;
}

ordered_json result_json(const ModelRun& run) {
  const Evaluation& evaluation = run.evaluation;
  return {{"images", evaluation.images},
          {"top1", evaluation.top1},
          {"top5", number_or_null(evaluation.top5)},
          {"mmac_per_image", evaluation.mmac_per_image},
          {"mac_fraction", evaluation.mac_fraction},
          {"images_per_s", evaluation.images_per_s},
          {"mj_per_image", number_or_null(run.mj_per_image)},
          {"predicted_saving", evaluation.predicted_saving},
          {"measured_saving", number_or_null(evaluation.measured_saving)},
          {"saving_ratio", number_or_null(evaluation.saving_ratio())}};
}

// The model with the decision that ran, by which its frontier is marked.
Model as_it_ran(Model model, const ChosenCascade& cascade) {
  model.decision = Decision{cascade.choice, *cascade.settings.combine};
  if (!cascade.model.policies.empty()) model.policies = cascade.model.policies;
  return model;
}

// As frontier_json(), with the stages that it is of.
ordered_json frontier_of(const Model& model) {
  ordered_json json = frontier_json(model);
  if (json.is_null()) return json;
  json["networks"] = ordered_json::array();
  json["stage_mmac"] = ordered_json::array();
  for (const Stage& stage : model.stages) {
    json["networks"].push_back(stage.network.name());
    json["stage_mmac"].push_back(static_cast<double>(stage.network.macs()) / 1e6);
  }
  return json;
}

}  // namespace

ordered_json model_json(const std::string& file, const Model& model, const std::optional<MeasuredModel>& measured) {
  const Model decided = measured ? as_it_ran(model, *measured->cascade) : model;
  ordered_json json = {{"file", file},
                       {"classes", model.classes},
                       {"label_names", model.label_names},
                       {"input", {model.input.channels, model.input.height, model.input.width}},
                       {"stages", stages_json(measured ? measured->cascade->model : model)},
                       {"frontier", frontier_of(decided)},
                       {"warnings", frontier_warnings(decided)},
                       {"training", training_json(model.training)},
                       {"run", nullptr}};
  if (!measured) return json;
  const Dataset& dataset = *measured->dataset;
  const ExecutorSettings& settings = measured->cascade->settings;
  if (model.label_names.empty()) json["label_names"] = dataset.header().label_names;
  json["run"] = {
      {"data", measured->data},
      {"dataset", dataset.header().name},
      {"device", measured->devices},
      {"precision", to_string(settings.precision)},
      {"batch_size", settings.max_batch},
      {"combine", to_string(*settings.combine)},
      {"policy", policy_json(*measured->cascade)},
      {"decision", policy_text(*measured->cascade)},
      {"result", result_json(*measured->run)},
      {"matrix", matrix_json(*measured->run, dataset)},
      {"calibration", calibration_json(measured->cascade->model, *measured->run, dataset)},
      {"warnings", evaluation_warnings(measured->run->evaluation, *measured->cascade)},
      {"confusion", confusion_json(measured->run->answers, dataset.labels(), static_cast<std::size_t>(model.classes))},
      {"examples", examples_json(*measured->run, dataset)}};
  return json;
}

}  // namespace cascadecl
