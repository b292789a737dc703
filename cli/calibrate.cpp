#include "trainer/calibrate.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/budget_flags.h"
#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/fitting_images.h"
#include "cli/flag_rules.h"
#include "cli/frontier_text.h"
#include "cli/meter_flags.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/policy_learning_flags.h"
#include "cli/progress.h"
#include "runtime/cascade/model_file.h"
#include "trainer/fit_frontier.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Flags {
  std::string model, data, output;
  DeviceFlags device;
  int batch_size = 128;
  BudgetFlags budget;
  MeterFlags meters;
  CalibrationSettings settings;
};

void add_flags(Options& options, Flags& flags) {
  options.add_positional("MODEL", flags.model);
  options.add_text(
      "data", flags.data, "FILE[:split]",
      "dataset file. Of its split train, the images that the model's training held out are used; of another "
      "split, all images");
  options.add_output("output,o", flags.output, "MODEL2", "the model file to write; may be MODEL", "MODEL");
  const std::vector<std::pair<std::string, bool>> yes_no = {{"yes", true}, {"no", false}};
  options.add_choice<bool>("temperature", flags.settings.temperatures, yes_no,
                           "fit a temperature for each stage; policies then see tempered probabilities");
  options.add_choice<bool>("combination", flags.settings.combination, yes_no,
                           "fit the weights of --combine fitted for each exit");
  options.add_choice<bool>("exit-functions", flags.settings.exit_functions, yes_no,
                           "fit the exit functions of --policy ann");
  options.add_number("alpha", flags.settings.phase.learning.alpha, 0, 1e6, "price of MACs for the exit functions");
  options.add_number("seed", flags.settings.phase.seed, "seed of the exit functions");
  flags.budget.add_to(options);
  flags.meters.add_to(options);
  flags.device.add_to(options, false);
  options.add_number("batch-size", flags.batch_size, 1, 65536, "images that a stage runs at once");
  add_exit_function_flags(options, flags.settings.phase.learning);
}

ordered_json stages_json(const Calibration& calibration) {
  ordered_json stages = ordered_json::array();
  for (std::size_t k = 0; k < calibration.stages.size(); ++k) {
    const StageCalibration& stage = calibration.stages[k];
    stages.push_back({{"network", calibration.model.stages[k].network.name()},
                      {"temperature", stage.temperature},
                      {"nll_before", stage.nll_before},
                      {"nll_after", stage.nll_after},
                      {"nll_combined", stage.nll_combined},
                      {"ece_before", stage.ece_before},
                      {"ece_after", stage.ece_after}});
  }
  return stages;
}

std::string stages_text(const Calibration& calibration) {
  Table table(
      {"stage", "<network", "temperature", "NLL before", "NLL after", "NLL combined", "ECE before", "ECE after"});
  for (std::size_t k = 0; k < calibration.stages.size(); ++k) {
    const StageCalibration& stage = calibration.stages[k];
    table.add_row({std::to_string(k), calibration.model.stages[k].network.name(), decimal(stage.temperature, 3),
                   decimal(stage.nll_before, 4), decimal(stage.nll_after, 4), decimal(stage.nll_combined, 4),
                   decimal(stage.ece_before, 4), decimal(stage.ece_after, 4)});
  }
  return table.text();
}

}  // namespace

void run_calibrate(const Arguments& arguments) {
  Flags flags;
  Options options(
      "calibrate MODEL --data FILE[:split] -o MODEL2 [flags]",
      "Fits temperatures, the combination of answers and the exit functions of --policy ann, on images that the\n"
      "stages were not fitted to. With a --target it also fits the frontier, the best ways to run the cascade, and\n"
      "makes the one that meets the target the model's decision, which eval and the other commands then follow.");
  add_flags(options, flags);
  options.add_example("calibrate cascade.h5 --data photos.h5 -o cheap.h5 --target-drop 1",
                      "The cheapest cascade that loses one point at most");
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");
  options.require("output");
  check_flags(options,
              {{!flags.settings.exit_functions,
                {"alpha", "seed", "policy-epochs", "policy-learning-rate", "policy-input", "policy-hidden", "top-k"},
                "only with --exit-functions yes"},
               {!options.given("target-mj"), MeterFlags::names(), "only with --target-mj"}});
  const std::optional<BudgetQuestion> question = flags.budget.question();
  const Model model = read_model(flags.model);
  const FittingImages images = fitting_images(model, flags.data, options.quiet());
  check_writable(flags.output);
  const Device device = flags.device.open();
  if (question && question->target.unit == CostUnit::mj) require_meters(device, flags.meters.environment());

  Progress progress("label probabilities", static_cast<std::int64_t>(images.indices.size()), options.quiet());
  Model stages = before_calibration(model, flags.settings);
  stages.policies.clear();
  const bool features = sees_features(model.policies) || flags.settings.phase.learning.input == PolicyInput::features;
  CascadeTable table = cascade_table(
      stages, device, *images.dataset, images.indices, {.max_batch = flags.batch_size},
      [&](std::int64_t done) { progress.update(done); }, features);
  progress.wipe();
  Calibration calibration = calibrate(model, std::move(table), device, flags.settings);
  if (question && !question->policy) {
    note("fitting the frontier: policies of several prices, thresholds, and each stage alone", options.quiet());
    calibration.model.frontier = fit_frontier(calibration.table, device, {.phase = flags.settings.phase});
  }
  ordered_json decision;
  if (question)
    decision = flags.budget.decide(*question, calibration.model, calibration.table, device, *images.dataset, flags.data,
                                   flags.batch_size, flags.meters.environment());
  write_model(flags.output, calibration.model);
  const std::vector<std::string> warnings = frontier_warnings(calibration.model);
  for (const std::string& warning : warnings) device_settings().warning(warning);

  if (options.json()) {
    return print_json({{"output", flags.output},
                       {"fitted_on", images.description()},
                       {"images", images.indices.size()},
                       {"device", device.info().name},
                       {"stages", stages_json(calibration)},
                       {"decision", decision},
                       {"frontier", frontier_json(calibration.model)},
                       {"warnings", warnings}});
  }
  std::string text =
      fmt::format("{}fitted on {}, on {}\n", stages_text(calibration), images.description(), device.info().name);
  if (question) text += frontier_text(calibration.model) + decision_text(decision);
  print(text + fmt::format("wrote {}\n", flags.output));
}

}  // namespace cascadecl
