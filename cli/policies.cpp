#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "runtime/ops/precision.h"
#include "runtime/study/tradeoff/policy_comparison.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

struct Flags {
  std::string model, data;
  DeviceFlags device;
  ExecutorSettings executor;
  std::optional<Combine> combine;
  std::uint64_t seed = 0;
};

void add_flags(Options& options, Flags& flags) {
  options.add_positional("MODEL", flags.model);
  options.add_text("data", flags.data, "FILE[:split]", "dataset file");
  flags.device.add_to(options, false);
  add_precision(options, flags.executor.precision);
  options.add_number("batch-size", flags.executor.max_batch, 1, 65536, "images that a stage runs at once");
  add_combine(options, flags.combine,
              "the answer: of all visited stages weighted by stop probability, of the last one, or of all with weights "
              "that train or calibrate fitted; without this flag fitted if the model holds weights, else reweight");
  options.add_number("seed", flags.seed, "of the random policy");
}

ordered_json policies_json(const std::vector<ComparedPolicy>& compared) {
  ordered_json list = ordered_json::array();
  for (const ComparedPolicy& of : compared)
    list.push_back({{"policy", to_string(of.choice.kind)},
                    {"parameter", number_or_null(of.choice.parameter)},
                    {"network", of.network.empty() ? ordered_json(nullptr) : ordered_json(of.network)},
                    {"top1", of.simulation.top1},
                    {"top5", number_or_null(of.simulation.top5)},
                    {"mmac_per_image", of.simulation.mmac_per_image},
                    {"mac_fraction", of.simulation.mac_fraction},
                    {"stopped", of.simulation.stopped}});
  return list;
}

std::string policies_text(const std::vector<ComparedPolicy>& compared) {
  Table table({"<policy", "parameter", "<network", "top-1", "MMAC", "of largest", "<stopped"});
  for (const ComparedPolicy& of : compared)
    table.add_row({std::string(to_string(of.choice.kind)), decimal(of.choice.parameter, 4), of.network,
                   percent(of.simulation.top1), decimal(of.simulation.mmac_per_image, 2),
                   percent(of.simulation.mac_fraction, 1), fmt::format("{}", fmt::join(of.simulation.stopped, " "))});
  return table.text();
}

}  // namespace

void run_policies(const Arguments& arguments) {
  Flags flags;
  Options options(
      "policies MODEL --data FILE[:split] [flags]",
      "Compares all policies on the images of a dataset (its split test unless one is named) at the cost of\n"
      "the learned one, each stage alone, and the oracle. Every stage runs once on every image; no cascade\n"
      "runs.");
  add_flags(options, flags);
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");

  const Model model = read_model(flags.model);
  require_policies(model);
  const auto dataset = open_data(flags.data, "test", model, options.quiet());
  const Device device = flags.device.open();
  ExecutorSettings& settings = flags.executor;
  const Combine combine = flags.combine.value_or(default_combine(model));
  settings.combine = combine;
  settings.policy = make_policy({PolicyKind::learned});  // the one that others are compared with
  settings.max_batch = fitting_batch(model, std::vector<Device>(model.stages.size(), device), settings);
  Progress progress("evaluating", dataset->size(), options.quiet());
  const CascadeTable table = cascade_table(model, device, *dataset, all_indices(dataset->size()), settings,
                                           [&](std::int64_t done) { progress.update(done); });
  progress.wipe();
  const std::vector<ComparedPolicy> compared = compare_policies(model, table, device, combine, 0.5, flags.seed);
  if (options.json()) {
    return print_json({{"images", dataset->size()},
                       {"batch_size", settings.max_batch},
                       {"device", device.info().name},
                       {"kernel_class", to_string(device.info().kernel_class())},
                       {"precision", to_string(settings.precision)},
                       {"combine", to_string(combine)},
                       {"policies", policies_json(compared)}});
  }
  print(fmt::format(
      "{}{} images on {}, {}, combine {}. Thresholds meet the learned policy's cost on these very images.\n",
      policies_text(compared), grouped(dataset->size()), device.info().name, to_string(settings.precision),
      to_string(combine)));
}

}  // namespace cascadecl
