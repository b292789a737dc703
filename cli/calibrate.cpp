#include "trainer/calibrate.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/fitting_images.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/phase_flags.h"
#include "cli/progress.h"
#include "data/atomic_file.h"
#include "data/dataset_file.h"
#include "data/error.h"
#include "data/loader.h"
#include "runtime/cascade/budget.h"
#include "runtime/io/model_file.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Flags {
  std::string model, data, output, test, policy = "learned";
  DeviceFlags device;
  int batch_size = 128;
  double mac = 0, ms = 0, mj = 0, drop = 0;
  Combine combine = Combine::reweight;
  CalibrationSettings settings;
};

void add_flags(Options& options, Flags& flags) {
  options.add_positional("MODEL", flags.model);
  options.add_text("data", flags.data, "FILE[:split]",
                   "dataset file: the images of its split train that the model's training held out, or all images of "
                   "another split");
  options.add_text("output,o", flags.output, "MODEL2", "the model file to write");
  const std::vector<std::pair<std::string, bool>> yes_no = {{"yes", true}, {"no", false}};
  options.add_choice<bool>("temperature", flags.settings.temperatures, yes_no,
                           "fit a temperature for each stage; policies then see tempered probabilities");
  options.add_choice<bool>("combination", flags.settings.combination, yes_no,
                           "fit the weights of --combine fitted for each exit");
  options.add_choice<bool>("exit-functions", flags.settings.exit_functions, yes_no, "fit those of --policy ann");
  options.add_number("alpha", flags.settings.phase.alpha, 0, 1e6, "price of MACs for the exit functions");
  options.add_number("seed", flags.settings.phase.seed, "of the exit functions");
  options.add_number("target-mac", flags.mac, 0, 1e6, "find a threshold for this share of the largest stage's MACs");
  options.add_number("target-ms", flags.ms, 0, 1e9, "find one for so many ms an image, measured on the device");
  options.add_number("target-mj", flags.mj, 0, 1e9, "find one for so many mJ an image, measured on the device");
  options.add_number("target-drop", flags.drop, -100, 100,
                     "find the cheapest one that loses at most so many points of accuracy against the largest stage");
  options.add_text("policy", flags.policy, "NAME",
                   "whose threshold: learned, ann, confidence, margin, entropy, agreement or random");
  options.add_choice<Combine>("combine", flags.combine,
                              {{"reweight", Combine::reweight}, {"last", Combine::last}, {"fitted", Combine::fitted}},
                              "the answer that goes with it");
  options.add_text("test", flags.test, "SPLIT", "also tell what the threshold gives on this split of the file");
  flags.device.add_to(options, false);
  options.add_number("batch-size", flags.batch_size, 1, 65536, "images that a stage runs at once");
  add_phase_flags(options, flags.settings.phase);
}

// What the user wants of the threshold, and the unit of its cost.
struct Wanted {
  std::string flag, unit;
  BudgetTarget target;
};

std::optional<Wanted> wanted_of(const Options& options, const Flags& flags) {
  using Kind = BudgetTarget::Kind;
  const std::vector<Wanted> all = {{"target-mac", "of the largest stage's MACs", {Kind::cost, flags.mac}},
                                   {"target-ms", "ms an image", {Kind::cost, flags.ms}},
                                   {"target-mj", "mJ an image", {Kind::cost, flags.mj}},
                                   {"target-drop", "points below the largest stage", {Kind::drop, flags.drop}}};
  std::optional<Wanted> chosen;
  for (const Wanted& one : all) {
    if (!options.given(one.flag)) continue;
    if (chosen) throw UsageError(fmt::format("--{} and --{}: give one target", chosen->flag, one.flag));
    chosen = one;
  }
  for (const char* flag : {"policy", "combine", "test"})
    if (!chosen && options.given(flag)) throw UsageError(fmt::format("--{}: only with a --target", flag));
  return chosen;
}

PolicyKind budget_policy(const std::string& name) {
  const PolicyKind kind = parse_policy_kind(name);
  if (!has_threshold(kind)) throw UsageError(fmt::format("--policy {}: it has no threshold to find", name));
  return kind;
}

StageCosts costs_of(const Wanted& wanted, const CascadeTable& table, const Model& model, const Device& device,
                    const Dataset& dataset) {
  constexpr std::int64_t kImages = 1024;
  if (wanted.flag == "target-ms") return stage_times_ms(model, device, first_images(dataset, kImages));
  if (wanted.flag == "target-mj") {
    const StageEnergies energies = stage_energies_mj(model, device, first_images(dataset, kImages));
    if (!energies.costs) throw MeasurementError("energy: " + energies.reason);
    return *energies.costs;
  }
  StageCosts costs = mac_costs(table);
  const double largest = *std::ranges::max_element(costs.stages);
  for (double& cost : costs.stages) cost /= largest;
  for (double& cost : costs.policies) cost /= largest;
  return costs;
}

ordered_json figures_json(const Simulation& simulation, double cost) {
  return {{"top1", simulation.top1},
          {"cost", cost},
          {"mmac_per_image", simulation.mmac_per_image},
          {"mac_fraction", simulation.mac_fraction},
          {"stopped", simulation.stopped}};
}

// Finds the threshold, stores it in the model and returns what is to be told.
ordered_json decide(const Wanted& wanted, const Flags& flags, Calibration& calibration, const Device& device,
                    const Dataset& fitted_on) {
  const PolicyKind kind = budget_policy(flags.policy);
  Model& model = calibration.model;
  if (asks_model(kind)) {
    const Model under = model_under(model, {kind, 0.5});
    calibration.table = with_policies(std::move(calibration.table), under.policies, device);
  }
  const auto policy = make_policy(kind);
  const SimulationSettings simulation{
      .asks_model = asks_model(kind), .combine = flags.combine, .combination = model.combination};
  const StageCosts costs = costs_of(wanted, calibration.table, model, device, fitted_on);
  const Budget budget = find_budget(calibration.table, scores_of(calibration.table, *policy), costs, wanted.target,
                                    simulation, wanted.unit);
  model.decision = {{kind, policy->parameter_of(budget.limit)}, flags.combine};
  const bool drop = wanted.target.kind == BudgetTarget::Kind::drop;
  ordered_json json = {{"policy", to_string(kind)},
                       {"parameter", *model.decision->policy.parameter},
                       {"combine", to_string(flags.combine)},
                       {"target", {{"flag", wanted.flag}, {"value", wanted.target.value}, {"unit", wanted.unit}}},
                       {"cost_unit", drop ? "of the largest stage's MACs" : wanted.unit},
                       {"validation", figures_json(budget.simulation, budget.cost)},
                       {"test", nullptr}};
  if (flags.test.empty()) return json;

  const auto test = open_dataset(parse_data_spec(flags.data).file, flags.test);
  CascadeTable table = cascade_table(model, device, *test, all_indices(test->size()), flags.batch_size);
  if (asks_model(kind)) table = with_policies(std::move(table), model_under(model, {kind, 0.5}).policies, device);
  SimulationSettings at = simulation;
  at.limit = budget.limit;
  const Simulation given = simulate(table, scores_of(table, *policy), at);
  json["test"] = figures_json(given, mean_cost(costs, given.stopped, at.asks_model));
  return json;
}

std::string decision_text(const ordered_json& decision) {
  const auto line = [&](const char* key) {
    const ordered_json& figures = decision[key];
    return fmt::format("top-1 {}, {:.6g} {}", percent(figures["top1"].get<double>()), figures["cost"].get<double>(),
                       decision["cost_unit"].get<std::string>());
  };
  std::string text = fmt::format("\npolicy {} at {:.6g}, combine {}\ntarget      {:.6g} {}\nvalidation  {}\n",
                                 decision["policy"].get<std::string>(), decision["parameter"].get<double>(),
                                 decision["combine"].get<std::string>(), decision["target"]["value"].get<double>(),
                                 decision["target"]["unit"].get<std::string>(), line("validation"));
  if (!decision["test"].is_null()) text += fmt::format("test        {}\n", line("test"));
  return text;
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
      "Fits, on images that the stages were not fitted to, temperatures, the combination of answers and the\n"
      "exit functions of --policy ann; with a --target also the threshold that meets a budget, which eval\n"
      "and the other commands then use.");
  add_flags(options, flags);
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");
  options.require("output");
  const std::optional<Wanted> wanted = wanted_of(options, flags);
  if (wanted) budget_policy(flags.policy);
  const Model model = read_model(flags.model);
  const FittingImages images = fitting_images(model, flags.data);
  { const AtomicFile probe(flags.output); }
  const Device device = flags.device.open();

  Progress progress("label probabilities", static_cast<std::int64_t>(images.indices.size()), options.quiet());
  Model stages = before_calibration(model, flags.settings);
  stages.policies.clear();
  const bool features = sees_features(model.policies) || flags.settings.phase.input == PolicyInput::features;
  CascadeTable table = cascade_table(
      stages, device, *images.dataset, images.indices, flags.batch_size,
      [&](std::int64_t done) { progress.update(done); }, features);
  progress.wipe();
  Calibration calibration = calibrate(model, std::move(table), device, flags.settings);
  const ordered_json decision = wanted ? decide(*wanted, flags, calibration, device, *images.dataset) : ordered_json();
  write_model(flags.output, calibration.model);

  if (options.json()) {
    return print_json({{"output", flags.output},
                       {"fitted_on", images.description()},
                       {"images", images.indices.size()},
                       {"device", device.info().name},
                       {"stages", stages_json(calibration)},
                       {"decision", decision}});
  }
  std::string text =
      fmt::format("{}fitted on {}, on {}\n", stages_text(calibration), images.description(), device.info().name);
  if (wanted) text += decision_text(decision);
  print(text + fmt::format("wrote {}\n", flags.output));
}

}  // namespace cascadecl
