#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/flag_rules.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/report/cost_section.h"
#include "cli/report/model_section.h"
#include "cli/report/page.h"
#include "cli/version.h"
#include "data/files/atomic_file.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Inputs {
  std::vector<std::string> files;
  std::string data, output = "report.html", title;
};

// HDF5 files begin with these bytes; sweeps are JSON.
bool is_model_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // opening a pipe would wait for its writer
  std::ifstream in(path, std::ios::binary);
  std::string start(8, '\0');
  in.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == "\x89HDF\r\n\x1a\n";
}

// As one would type it.
std::string command_line(const Arguments& arguments) {
  std::string command = "cascadecl report";
  for (const std::string& argument : arguments) {
    const bool plain = !argument.empty() && argument.find_first_not_of(
                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                                "uvwxyz0123456789-_./:,=+") == std::string::npos;
    command += plain ? " " + argument : fmt::format(" '{}'", argument);
  }
  return command;
}

std::string file_name(const std::string& path) { return std::filesystem::path(path).filename().string(); }

ordered_json sweep_json(const std::string& file, const Sweep& sweep) {
  ordered_json stages = ordered_json::array();
  for (const SweepStage& stage : sweep.stages) {
    stages.push_back({{"network", stage.network},
                      {"mmac", stage.mmac},
                      {"top1", stage.top1},
                      {"top5", number_or_null(stage.top5)},
                      {"ece", number_or_null(stage.ece)},
                      {"temperature", number_or_null(stage.temperature)},
                      {"ms", number_or_null(stage.ms_per_image)},
                      {"mj", number_or_null(stage.mj_per_image)}});
  }
  std::vector<std::uint64_t> seeds;
  for (const SweepPoint& point : sweep.points) {
    if (point.seed && std::find(seeds.begin(), seeds.end(), *point.seed) == seeds.end()) seeds.push_back(*point.seed);
  }
  return {{"file", file},
          {"created_by", sweep.created_by},
          {"command", sweep.command},
          {"model", sweep.model},
          {"data", sweep.data},
          {"device", sweep.device},
          {"images", sweep.images},
          {"runs", sweep.points.size()},
          {"seeds", seeds},
          {"stages", stages}};
}

std::string drivers(const std::vector<Device>& devices) {
  std::string text;
  for (const Device& device : devices) {
    const DeviceInfo& info = device.info();
    const std::string line = fmt::format("{}: {}, driver {}", info.name, info.platform_name, info.driver_version);
    if (text.find(line) == std::string::npos) text += (text.empty() ? "" : "; ") + line;
  }
  return text;
}

// Runs a model on the data if there is any, and adds what came of it.
void add_model_file(const std::string& file, const Inputs& inputs, const CascadeFlags& flags, bool quiet,
                    std::vector<CostSource>& sources, ordered_json& report) {
  const Model model = read_model(file);
  if (inputs.data.empty()) {
    report["models"].push_back(model_json(file, model, std::nullopt));
    return;
  }
  const auto dataset = open_data(inputs.data, "test", model, quiet);
  ChosenCascade cascade = flags.choose(model);
  cascade.model.training = model.training;  // which a stage alone does not have; add_model() reads it
  const std::vector<Device> devices = flags.place(cascade, *dataset, quiet);
  cascade.settings.max_batch = fitting_batch(cascade.model, devices, cascade.settings, true);
  Progress progress(file_name(file), dataset->size() * model_run_passes, quiet);
  const ModelRun run =
      run_model(cascade, devices, *dataset, flags.meters(), [&](std::int64_t done) { progress.update(done); });
  add_model(sources, file_name(file), cascade, run, dataset->labels());
  ordered_json json =
      model_json(file, model, MeasuredModel{inputs.data, dataset.get(), &run, &cascade, device_names(devices)});
  json["run"]["drivers"] = drivers(devices);
  report["models"].push_back(json);
}

std::string default_title(const std::vector<std::string>& files) {
  std::string names;
  for (const std::string& file : files) names += (names.empty() ? "" : ", ") + file_name(file);
  return "Cascade report: " + names;
}

}  // namespace

void run_report(const Arguments& arguments) {
  Inputs inputs;
  CascadeFlags flags;
  Options options(
      "report MODEL|SWEEP... [--data FILE[:split]] [-o report.html]",
      "Writes one HTML page about models and sweeps (files of cascadecl sweep): accuracy against cost, exits,\n"
      "examples, calibration, savings and training. The page needs no network. Models are run on the data\n"
      "(its split test unless one is named). Without --data only their description is shown.");
  options.add_positional_list("MODEL|SWEEP", inputs.files);
  options.add_text("data", inputs.data, "FILE[:split]", "dataset file on which the models are run");
  options.add_output("output,o", inputs.output, "FILE.html", "the page to write");
  options.add_text("title", inputs.title, "TEXT", "title of the page");
  flags.add_to(options, CascadeUse::run);
  options.add_example("report cascade.h5 --data photos.h5 -o cascade.html", "A page on one cascade");
  if (!options.parse(arguments)) return print(options.help());
  const std::vector<std::string_view> of_runs(flags.names().begin(), flags.names().end());
  check_flags(options, {{inputs.data.empty(), of_runs, "only with --data, on which models are run"}});
  flags.check();
  if (inputs.files.empty()) throw UsageError("give at least one MODEL or SWEEP (see cascadecl report --help)");
  if (inputs.title.empty()) inputs.title = default_title(inputs.files);

  AtomicFile output(inputs.output);
  ordered_json report = {{"title", inputs.title},
                         {"created_by", fmt::format("cascadecl {}", version)},
                         {"command", command_line(arguments)},
                         {"models", ordered_json::array()},
                         {"sweeps", ordered_json::array()}};
  std::vector<CostSource> sources;
  for (const std::string& file : inputs.files) {
    if (is_model_file(file)) {
      add_model_file(file, inputs, flags, options.quiet(), sources, report);
    } else {
      const Sweep sweep = read_sweep(file);
      report["sweeps"].push_back(sweep_json(file, sweep));
      sources.push_back({file_name(file), sweep, false});
    }
  }
  if (report["models"].empty()) check_flags(options, {{true, {"data"}, "only with a MODEL; sweeps are not run"}});
  report["costs"] = cost_json(sources);
  const std::string page = report_page(inputs.title, report);
  output.append(page);
  output.commit();
  if (options.json()) {
    return print_json({{"output", inputs.output},
                       {"bytes", page.size()},
                       {"models", report["models"].size()},
                       {"sweeps", report["sweeps"].size()}});
  }
  print(fmt::format("wrote {}: {} models, {} sweeps, {}\n", inputs.output, report["models"].size(),
                    report["sweeps"].size(), bytes(static_cast<double>(page.size()))));
}

}  // namespace cascadecl
