#include "runtime/study/runs/placement.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShown = 10;  // placements in the text

std::string_view unit_of(Objective objective) { return objective == Objective::energy ? "mJ" : "ms"; }

ordered_json device_json(const PlacementDevice& device) {
  if (!device.left_out.empty())
    return {{"device", device.name},
            {"host_share", nullptr},
            {"upload_ms_per_image", nullptr},
            {"batch_size", nullptr},
            {"left_out", device.left_out}};
  return {{"device", device.name},
          {"host_share", device.host_share},
          {"upload_ms_per_image", device.upload_ms},
          {"batch_size", device.max_batch},
          {"left_out", nullptr}};
}

std::string device_text(const PlacementDevice& device) {
  if (!device.left_out.empty()) return fmt::format("{}, left out: {}", device.name, device.left_out);
  return fmt::format("{}, {:.4f} ms to upload an image, batches of {}", device.name, device.upload_ms,
                     device.max_batch);
}

ordered_json to_json(const PlacementCosts& costs, const std::vector<Placement>& ranked, const Model& model,
                     Objective objective) {
  const std::string unit(unit_of(objective));
  ordered_json devices = ordered_json::array(), stages = ordered_json::array(), placements = ordered_json::array();
  for (const PlacementDevice& device : costs.devices) devices.push_back(device_json(device));
  for (std::size_t k = 0; k < costs.stage.size(); ++k) {
    ordered_json of_devices = ordered_json::array();
    for (const auto& cost : costs.stage[k]) of_devices.push_back(number_or_null(cost));
    stages.push_back({{"network", model.stages[k].network.name()},
                      {"reach", costs.reach[k]},
                      {unit + "_per_entered_image", of_devices}});
  }
  for (const Placement& placement : ranked)
    placements.push_back({{"device_of_stage", placement.device}, {unit + "_per_image", placement.cost}});
  return {{"objective", to_string(objective)}, {"devices", devices}, {"stages", stages}, {"placements", placements}};
}

std::string to_text(const PlacementCosts& costs, const std::vector<Placement>& ranked, const Model& model,
                    Objective objective) {
  const std::string_view unit = unit_of(objective);
  std::string text;
  for (std::size_t i = 0; i < costs.devices.size(); ++i)
    text += fmt::format("device {}  {}\n", i, device_text(costs.devices[i]));
  std::vector<std::string> columns = {"stage", "<network", "images"};
  for (std::size_t i = 0; i < costs.devices.size(); ++i) columns.push_back(fmt::format("{} on {}", unit, i));
  Table stages(columns);
  for (std::size_t k = 0; k < costs.stage.size(); ++k) {
    std::vector<std::string> row = {std::to_string(k), model.stages[k].network.name(), percent(costs.reach[k], 1)};
    for (const auto& cost : costs.stage[k]) row.push_back(decimal(cost, 4));
    stages.add_row(row);
  }
  Table placements({"rank", "<devices of the stages", fmt::format("{} an image", unit)});
  for (std::size_t i = 0; i < std::min(kShown, ranked.size()); ++i) {
    std::string devices;
    for (const std::size_t device : ranked[i].device) devices += fmt::format("{} ", device);
    placements.add_row({std::to_string(i + 1), devices, decimal(ranked[i].cost, 4)});
  }
  return fmt::format("{}\nan image that enters a stage costs\n{}\nbest {} of {} placements for {}\n{}", text,
                     stages.text(), std::min(kShown, ranked.size()), ranked.size(), to_string(objective),
                     placements.text());
}

}  // namespace

void run_placement(const Arguments& arguments) {
  std::string verb, model_path, data;
  CascadeFlags flags;
  Options options(
      "placement explain MODEL --data FILE[:split] [flags]",
      "Measures the cost of each stage on each device that --device lists (auto: all devices). Shows the table of\n"
      "costs that --placement auto chooses from, and the best placements. Devices of the host's processor share its\n"
      "cores.");
  options.add_positional("explain", verb);
  options.add_positional("MODEL", model_path);
  options.add_text("data", data, "FILE[:split]", "dataset file; its first images are run");
  flags.add_to(options, CascadeUse::measure);
  if (!options.parse(arguments)) return print(options.help());
  if (verb != "explain") throw UsageError("placement: say 'placement explain MODEL' (see cascadecl placement --help)");
  options.require("MODEL");
  options.require("data");

  flags.check();
  const ChosenCascade cascade = flags.choose(read_model(model_path));
  const Model& model = cascade.model;
  const auto dataset = open_data(data, "test", model, options.quiet());
  const std::vector<std::uint8_t> images = first_images(*dataset, placement_images);
  const auto labels = dataset->labels().first(images.size() / model.input.values());
  const PlacementCosts costs = measure_placement(model, flags.open_candidates(), images, cascade.settings,
                                                 flags.objective(), flags.meters(), labels);
  const std::vector<Placement> ranked = rank_placements(costs, flags.objective());
  if (options.json()) return print_json(to_json(costs, ranked, model, flags.objective()));
  print(to_text(costs, ranked, model, flags.objective()));
}

}  // namespace cascadecl
