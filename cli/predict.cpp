#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/line_reader.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/predict_files.h"
#include "cli/predict_stream.h"
#include "cli/predictions_file.h"
#include "cli/progress.h"
#include "cli/standard_files.h"
#include "data/files/error.h"
#include "data/import/image_file.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Inputs {
  std::string model, data;
  FilePrediction files;
  StreamPrediction stream;
};

void predict_dataset(ChosenCascade& cascade, const std::string& output, const Dataset& dataset,
                     const CascadeFlags& flags, const Options& options) {
  const Model& model = cascade.model;
  ExecutorSettings& settings = cascade.settings;
  const std::vector<Device> devices = flags.place(cascade, dataset, options.quiet());
  settings.max_batch = fitting_batch(model, devices, settings);
  const std::string device = device_names(devices);
  PredictionsWriter writer(output, cascade, device, dataset.size());
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
    ordered_json json = {{"output", output},
                         {"images", done},
                         {"batch_size", settings.max_batch},
                         {"device", device},
                         {"precision", to_string(settings.precision)},
                         {"stopped", stopped}};
    json.update(pipeline_json(executor.statistics()));
    return print_json(json);
  }
  std::string text = fmt::format("wrote {}: {} images on {}\n", output, grouped(done), device);
  for (std::size_t k = 0; k < stopped.size(); ++k) {
    text += fmt::format("stage {} ({}): {} stopped\n", k, model.stages[k].network.name(), grouped(stopped[k]));
  }
  print(text + failures_text(executor.statistics()));
}

}  // namespace

void run_predict(const Arguments& arguments) {
  Inputs inputs;
  CascadeFlags flags;
  bool stream = false, end_in_nul = false;
  Options options(
      "predict MODEL PATH... | predict MODEL --data FILE[:split] -o OUT.h5 | predict MODEL --stream",
      fmt::format("Classifies image files ({}), those in folders and below, an image on\n"
                  "standard input (-), or all images of a dataset (its split test unless one is named). Of a picture\n"
                  "the middle is taken and resized to the network's input, as data import folder does. A file that\n"
                  "cannot be read is told, the others are answered, and the exit status is 4.\n"
                  "The layout of OUT.h5 is described in predictions.md of the documentation.",
                  image_formats));
  options.add_positional("MODEL", inputs.model);
  options.add_positional_list("PATH", inputs.files.paths);
  options.add_text("data", inputs.data, "FILE[:split]", "dataset file");
  options.add_output("output,o", inputs.files.output, "OUT.h5", "write all probabilities, exits and answers");
  options.add_output("csv", inputs.files.csv, "FILE", "also write the answers to image files as CSV");
  options.add_number("top", inputs.files.top, 1, 1'000'000, "tell the N most probable classes of each image");
  options.add_switch("stream", stream,
                     "read names of image files from standard input, one a line, and print a line of JSON for each, in "
                     "order, as soon as its answer is there");
  options.add_switch("null,0", end_in_nul, "with --stream: a NUL byte ends a name, as find -print0 writes it");
  options.add_number("max-delay-ms", inputs.stream.max_delay_ms, 0, 1e6,
                     "with --stream: how long an image may wait for others to fill the batch of a late stage");
  flags.add_to(options, CascadeUse::trace);
  options.add_example("predict cascade.h5 photo.jpg holiday/ --top 3", "Photos, and all in a folder");
  options.add_example("predict cascade.h5 --data photos.h5 -o answers.h5", "All images of a dataset's split test");
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  check_flags(
      options,
      {{!stream, {"max-delay-ms", "null"}, "only with --stream"},
       {stream, {"PATH", "data", "output", "csv"}, "not with --stream, which reads names from standard input"},
       {stream, {"trace"}, "not with --stream, which may never end"},
       {stream && flags.auto_placement(), {"placement"}, "auto not with --stream: no image is there to measure"},
       {!inputs.data.empty(), {"PATH", "csv", "top"}, "not with --data"}});
  if (!stream && inputs.files.paths.empty() && inputs.data.empty())
    throw UsageError("give either image files or --data (see cascadecl predict --help)");
  if (!inputs.data.empty()) options.require("output");
  inputs.stream.top = inputs.files.top;
  if (end_in_nul) inputs.stream.name_end = '\0';

  flags.check();
  std::optional<LineReader> names;
  if (stream) {
    check_standard_input();
    names.emplace(STDIN_FILENO, "standard input", inputs.stream.name_end);
  }
  ChosenCascade cascade = flags.choose(read_model(inputs.model));
  if (cascade.choice.kind == PolicyKind::oracle)
    check_flags(options, {{inputs.data.empty(), {"policy"}, "oracle only with --data: it looks at the labels"}});
  if (stream) {
    const std::vector<Device> devices = flags.place(cascade, std::span<const std::uint8_t>(), options.quiet());
    cascade.settings.max_batch = fitting_batch(cascade.model, devices, cascade.settings);
    predict_stream(cascade.model, devices, cascade.settings, *names, inputs.stream);
  } else if (!inputs.data.empty()) {
    const auto dataset = open_data(inputs.data, "test", cascade.model, options.quiet());
    predict_dataset(cascade, inputs.files.output, *dataset, flags, options);
    flags.write_trace(cascade.settings);
  } else {
    predict_files(cascade, inputs.files, flags, options);
  }
}

}  // namespace cascadecl
