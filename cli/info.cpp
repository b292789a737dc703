#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/dataset_info.h"
#include "cli/device_flags.h"
#include "cli/flag_rules.h"
#include "cli/image_shape.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/plan_steps.h"
#include "data/files/error.h"
#include "data/files/hdf5_file.h"
#include "runtime/cascade/model.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/inference_plan.h"
#include "runtime/network/stages.h"
#include "runtime/network/summary.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/precision.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr int plan_batch = 128;  // what `eval` runs by default

// What a network would run on a device, and the memory that takes.
struct PlanInfo {
  int batch = 0;
  std::vector<PlanStep> steps;  // of inference
  PlanMemory inference, training;
};

// One stage as it is shown: what the network says, its policy, and its plan on a device if one was named.
struct StageInfo {
  NetworkSummary network;
  long policy_macs = 0;
  std::optional<PlanInfo> plan;
};

// Nothing is built or allocated: what does not fit can be shown as well.
PlanInfo plan_info(const Device& device, const Network& network, int batch, Precision precision) {
  const InferencePlan plan(device.rehearsal(), network, zero_parameters(network), batch, KernelClass::automatic,
                           precision);
  return {batch, plan.steps(), InferencePlan::memory_needed(device, network, batch, KernelClass::automatic, precision),
          TrainingPlan::memory_needed(device, network, batch)};
}

bool fits(const PlanMemory& memory, const DeviceInfo& device) {
  return memory.total() <= device.global_memory_bytes && memory.largest_array <= device.max_allocation_bytes;
}

ordered_json memory_json(const PlanMemory& memory, const DeviceInfo& device) {
  return {{"peak_bytes", memory.total()},
          {"activation_bytes", memory.activations},
          {"gradient_bytes", memory.gradients},
          {"weight_bytes", memory.weights},
          {"transformed_bytes", memory.transformed},
          {"scratch_bytes", memory.scratch},
          {"largest_array_bytes", memory.largest_array},
          {"fits", fits(memory, device)}};
}

ordered_json plan_json(const PlanInfo& plan, const DeviceInfo& device) {
  return {{"batch", plan.batch},
          {"peak_bytes", plan.inference.total()},
          {"activation_bytes", plan.inference.activations},
          {"memory",
           {{"inference", memory_json(plan.inference, device)}, {"training", memory_json(plan.training, device)}}},
          {"steps", steps_json(plan.steps)}};
}

ordered_json to_json(const StageInfo& stage, const DeviceInfo* device) {
  ordered_json layers = ordered_json::array();
  for (const LayerSummary& layer : stage.network.layers) {
    layers.push_back({{"name", layer.name},
                      {"type", layer.type},
                      {"output", {layer.output.channels, layer.output.height, layer.output.width}},
                      {"parameters", layer.parameters},
                      {"macs", layer.macs}});
  }
  ordered_json json = {{"network", stage.network.network},
                       {"parameters", stage.network.parameters},
                       {"mmac", static_cast<double>(stage.network.macs) / 1e6},
                       {"convolution_mmac", static_cast<double>(stage.network.convolution_macs) / 1e6},
                       {"policy_mmac", static_cast<double>(stage.policy_macs) / 1e6},
                       {"layers", layers}};
  if (stage.plan) json["plan"] = plan_json(*stage.plan, *device);
  return json;
}

std::string plan_text(const PlanInfo& plan, const DeviceInfo& device) {
  Table table({"<layers", "<variant", "MMAC", "<why no faster variant"});
  for (const PlanStep& step : plan.steps) {
    table.add_row({step.layers, step.variant, decimal(step.mmac, 3), why_not_faster(step)});
  }
  return fmt::format("plan on {}, kernel class {}, for batches of {}\n{}", device.name,
                     to_string(device.kernel_class()), plan.batch, table.text());
}

std::string memory_text(const std::vector<StageInfo>& stages, const DeviceInfo& device) {
  Table table({"stage", "<network", "<memory for", "activations", "gradients", "weights", "transformed", "scratch",
               "in all", "<fits"});
  for (std::size_t i = 0; i < stages.size(); ++i) {
    for (const bool training : {false, true}) {
      const PlanMemory& memory = training ? stages[i].plan->training : stages[i].plan->inference;
      std::vector<std::string> row = {std::to_string(i), stages[i].network.network,
                                      training ? "training" : "inference"};
      for (const std::size_t part :
           {memory.activations, memory.gradients, memory.weights, memory.transformed, memory.scratch, memory.total()})
        row.push_back(bytes(static_cast<double>(part)));
      row.emplace_back(fits(memory, device) ? "yes" : "no");
      table.add_row(row);
    }
  }
  return table.text();
}

std::string layers_text(const NetworkSummary& network) {
  Table table({"<layer", "<type", "<output", "parameters", "MACs"});
  for (const LayerSummary& layer : network.layers) {
    table.add_row({layer.name, layer.type, to_string(layer.output), grouped(layer.parameters), grouped(layer.macs)});
  }
  return fmt::format("{}\n{}", network.network, table.text());
}

std::string summary_text(const std::vector<StageInfo>& stages) {
  Table table({"stage", "<network", "layers", "parameters", "MMAC", "of convolutions", "policy MMAC"});
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const NetworkSummary& network = stages[i].network;
    table.add_row({std::to_string(i), network.network, std::to_string(network.layers.size()),
                   grouped(network.parameters), decimal(static_cast<double>(network.macs) / 1e6, 2),
                   decimal(static_cast<double>(network.convolution_macs) / 1e6, 2),
                   stages[i].policy_macs ? decimal(static_cast<double>(stages[i].policy_macs) / 1e6, 4) : "-"});
  }
  return fmt::format("{}({})\n", table.text(), macs_remark);
}

void print_stages(const std::vector<StageInfo>& stages, ImageShape input, int classes, const DeviceInfo* device,
                  bool json) {
  if (json) {
    ordered_json list = ordered_json::array();
    for (const StageInfo& stage : stages) list.push_back(to_json(stage, device));
    ordered_json result = {{"input_shape", {input.channels, input.height, input.width}}, {"classes", classes}};
    if (device) {
      result["device"] = device->name;
      result["kernel_class"] = to_string(device->kernel_class());
    }
    result["stages"] = list;
    return print_json(result);
  }
  std::string text = fmt::format("input {}, {} classes\n\n", to_string(input), classes);
  for (const StageInfo& stage : stages) {
    text += layers_text(stage.network) + "\n";
    if (stage.plan) text += plan_text(*stage.plan, *device) + "\n";
  }
  if (device) text += memory_text(stages, *device) + "\n";
  print(text + summary_text(stages));
}

// The stages of --stages with random weights, or those of a model file.
Model model_of(const std::string& stages, ImageShape input, int classes) {
  Model model;
  model.classes = classes;
  model.input = input;
  for (Network& network : parse_stages(stages, input, classes)) model.stages.push_back({std::move(network), {}});
  return model;
}

bool is_model_file(const std::string& path) { return Hdf5Reader(path).has_group("/stages"); }

}  // namespace

void run_info(const Arguments& arguments) {
  std::string file, stages, input = "3x32x32";
  DeviceFlags device_flags("");
  int classes = 10, batch = plan_batch;
  Precision precision = Precision::fp32;
  Options options(
      "info FILE | --stages LIST [flags]",
      "Shows layers, parameters and MACs of networks or of a model file's stages, or what a dataset file "
      "holds.\nWith --device also the kernels of each stage on that device, and the memory of inference and training.");
  options.add_positional("FILE", file);
  options.add_text("stages", stages, "LIST",
                   "networks, separated by commas: resnet-N, wrn-D-K or layer lists FILE.json");
  options.add_text("input", input, "CxHxW", "image size for --stages");
  options.add_number("classes", classes, 1, 1000000, "number of classes for --stages");
  device_flags.add_to(options, false);
  options.add_number("batch-size", batch, 1, 65536, "batch size of the plans shown with --device");
  add_precision(options, precision);
  if (!options.parse(arguments)) return print(options.help());
  if (file.empty() == stages.empty()) throw UsageError("give either a file or --stages (see cascadecl info --help)");
  check_flags(options, {{stages.empty(), {"input", "classes"}, "only with --stages"},
                        {!options.given("device"), {"kernel-class", "batch-size", "precision"}, "only with --device"}});

  if (!file.empty() && !is_model_file(file)) {
    check_flags(options, {{true, {"device"}, "only with --stages or a model file"}});
    return print_dataset_info(file, options.json());
  }
  const Model model = file.empty() ? model_of(stages, parse_image_shape(input), classes) : read_model(file);
  const std::optional<Device> device = device_flags.open_if_named();

  std::vector<StageInfo> infos;
  for (std::size_t i = 0; i < model.stages.size(); ++i) {
    const Stage& stage = model.stages[i];
    StageInfo info{summarize(stage.network), i < model.policies.size() ? model.policies[i].macs() : 0, std::nullopt};
    if (device) info.plan = plan_info(*device, stage.network, batch, precision);
    infos.push_back(std::move(info));
  }
  print_stages(infos, model.input, model.classes, device ? &device->info() : nullptr, options.json());
}

}  // namespace cascadecl
