#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/predict_stream.h"
#include "cli/predictions_file.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "data/import/image_file.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Inputs {
  std::string model, data, output;
  std::vector<std::string> files;
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

ordered_json image_json(const Model& model, const CascadeResult& result, std::size_t i, const std::string& file) {
  const auto label = static_cast<std::size_t>(result.label(static_cast<std::int64_t>(i)));
  const auto classes = static_cast<std::size_t>(result.classes);
  const auto answer = result.answer.begin() + static_cast<std::ptrdiff_t>(i * classes);
  return {{"image", file},
          {"label", label},
          {"label_name", model.label_name(label)},
          {"probability", result.answer[i * classes + label]},
          {"exit_stage", result.exit_stage[i]},
          {"mmac", model.macs_through(result.exit_stage[i]) / 1e6},
          {"answer", std::vector<float>(answer, answer + static_cast<std::ptrdiff_t>(classes))},
          {"stages", visited_json(model, result, i)}};
}

void print_images(const Model& model, const CascadeResult& result, const PipelineStatistics& statistics,
                  const Inputs& inputs, const std::string& device, int batch, std::string_view precision, bool json) {
  if (json) {
    ordered_json images = ordered_json::array();
    for (std::size_t i = 0; i < inputs.files.size(); ++i)
      images.push_back(image_json(model, result, i, inputs.files[i]));
    ordered_json all = {{"device", device}, {"batch_size", batch}, {"precision", precision}, {"images", images}};
    all.update(pipeline_json(statistics));
    return print_json(all);
  }
  Table table({"<image", "label", "<name", "probability", "exit stage", "<network", "MMAC"});
  for (std::size_t i = 0; i < inputs.files.size(); ++i) {
    const auto label = static_cast<std::size_t>(result.label(static_cast<std::int64_t>(i)));
    const int exit = result.exit_stage[i];
    table.add_row({inputs.files[i], std::to_string(label), model.label_name(label),
                   decimal(result.answer[i * static_cast<std::size_t>(result.classes) + label], 4),
                   std::to_string(exit), model.stages[static_cast<std::size_t>(exit)].network.name(),
                   decimal(model.macs_through(exit) / 1e6, 2)});
  }
  print(fmt::format("{}on {}, {}\n{}", table.text(), device, precision, failures_text(statistics)));
}

PredictionsHeader header_of(const ChosenCascade& cascade, const std::string& device, std::int64_t images) {
  const Model& model = cascade.model;
  std::vector<std::string> networks;
  for (const Stage& stage : model.stages) networks.push_back(stage.network.name());
  return {.images = images,
          .classes = model.classes,
          .networks = networks,
          .label_names = model.label_names,
          .stop = to_string(cascade.choice),
          .combine = std::string(to_string(*cascade.settings.combine)),
          .device = device,
          .precision = std::string(to_string(cascade.settings.precision))};
}

std::vector<std::uint8_t> read_images(const std::vector<std::string>& files, const ImageShape& shape) {
  std::vector<std::uint8_t> pixels;
  for (const std::string& file : files) {
    const Image image = read_image_file(file, {shape.channels, shape.height, shape.width});
    pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
  }
  return pixels;
}

void predict_files(const ChosenCascade& cascade, const Inputs& inputs, const std::vector<std::uint8_t>& pixels,
                   const std::vector<Device>& devices, bool json) {
  const Model& model = cascade.model;
  const ExecutorSettings& settings = cascade.settings;
  const std::string device = device_names(devices);
  std::optional<PredictionsWriter> writer;
  if (!inputs.output.empty())
    writer.emplace(inputs.output, header_of(cascade, device, static_cast<std::int64_t>(inputs.files.size())));
  CascadeExecutor executor(model, devices, settings);
  const CascadeResult result = executor.classify(pixels);
  print_images(model, result, executor.statistics(), inputs, device, settings.max_batch, to_string(settings.precision),
               json);
  if (writer) {
    writer->append(result);
    writer->commit();
  }
}

void predict_dataset(const ChosenCascade& cascade, const Inputs& inputs, const Dataset& dataset,
                     const std::vector<Device>& devices, const Options& options) {
  const Model& model = cascade.model;
  const ExecutorSettings& settings = cascade.settings;
  const std::string device = device_names(devices);
  PredictionsWriter writer(inputs.output, header_of(cascade, device, dataset.size()));
  CascadeExecutor executor(model, devices, settings);
  Progress progress("predicting", dataset.size(), options.quiet());
  BatchLoader loader(dataset, all_indices(dataset.size()), {.batch_size = settings.max_batch * 8, .shuffle = false});
  loader.start_epoch(0);
  std::vector<std::int64_t> stopped(model.stages.size());
  std::int64_t done = 0;
  while (const auto batch = loader.next()) {
    progress.update(done);
    const CascadeResult result = executor.classify(batch->images, static_cast<std::uint64_t>(done), batch->labels);
    writer.append(result);
    for (std::size_t k = 0; k < stopped.size(); ++k) stopped[k] += result.stages[k].stopped;
    done += batch->n;
  }
  writer.commit();
  progress.wipe();
  if (options.json()) {
    ordered_json json = {{"output", inputs.output},
                         {"images", done},
                         {"batch_size", settings.max_batch},
                         {"device", device},
                         {"precision", to_string(settings.precision)},
                         {"stopped", stopped}};
    json.update(pipeline_json(executor.statistics()));
    return print_json(json);
  }
  std::string text = fmt::format("wrote {}: {} images on {}\n", inputs.output, grouped(done), device);
  for (std::size_t k = 0; k < stopped.size(); ++k) {
    text += fmt::format("stage {} ({}): {} stopped\n", k, model.stages[k].network.name(), grouped(stopped[k]));
  }
  print(text + failures_text(executor.statistics()));
}

}  // namespace

void run_predict(const Arguments& arguments) {
  Inputs inputs;
  CascadeFlags flags;
  bool stream = false;
  double max_delay_ms = 0;
  Options options("predict MODEL IMAGE... | predict MODEL --data FILE[:split] -o OUT.h5 | predict MODEL --stream",
                  "Classifies PNG and JPEG files, or all images of a dataset (its split test unless one is named).\n"
                  "The layout of OUT.h5 is described in predictions.md of the documentation.");
  options.add_positional("MODEL", inputs.model);
  options.add_positional_list("IMAGE", inputs.files);
  options.add_text("data", inputs.data, "FILE[:split]", "dataset file");
  options.add_text("output,o", inputs.output, "OUT.h5", "write all probabilities, exits and answers");
  options.add_switch("stream", stream,
                     "read names of image files from standard input, one a line, and print a line of JSON for each, in "
                     "order, as soon as its answer is there");
  options.add_number("max-delay-ms", max_delay_ms, 0, 1e6,
                     "with --stream: how long an image may wait for others to fill the batch of a late stage");
  flags.add_to(options, CascadeUse::trace);
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  check_flags(
      options,
      {{!stream, {"max-delay-ms"}, "only with --stream"},
       {stream, {"IMAGE", "data", "output"}, "not with --stream, which reads names from standard input"},
       {stream, {"trace"}, "not with --stream, which may never end"},
       {stream && flags.auto_placement(), {"placement"}, "auto not with --stream: no image is there to measure"},
       {!inputs.data.empty(), {"IMAGE"}, "not with --data"}});
  if (!stream && inputs.files.empty() && inputs.data.empty())
    throw UsageError("give either image files or --data (see cascadecl predict --help)");
  if (!inputs.data.empty()) options.require("output");

  flags.check();
  ChosenCascade cascade = flags.choose(read_model(inputs.model));
  if (cascade.choice.kind == PolicyKind::oracle)
    check_flags(options, {{inputs.data.empty(), {"policy"}, "oracle only with --data: it looks at the labels"}});
  const Model& model = cascade.model;
  ExecutorSettings& settings = cascade.settings;
  const auto dataset = inputs.data.empty() ? nullptr : open_data(inputs.data, "test", model, options.quiet());
  const std::vector<std::uint8_t> pixels = read_images(inputs.files, model.input);
  const std::vector<Device> devices =
      dataset ? flags.place(cascade, *dataset, options.quiet()) : flags.place(cascade, pixels, options.quiet());
  settings.max_batch = fitting_batch(model, devices, settings);
  if (stream) {
    predict_stream(model, devices, settings, max_delay_ms);
  } else if (dataset) {
    predict_dataset(cascade, inputs, *dataset, devices, options);
  } else {
    predict_files(cascade, inputs, pixels, devices, options.json());
  }
  flags.write_trace(settings);
}

}  // namespace cascadecl
