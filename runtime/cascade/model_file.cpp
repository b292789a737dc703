#include "runtime/cascade/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/dataset.h"
#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "runtime/cascade/named_arrays.h"
#include "runtime/foreign_text.h"
#include "runtime/network/zoo.h"

namespace cascadecl {
namespace {

using nlohmann::literals::operator""_json_pointer;

constexpr int format_version = 1;
constexpr std::size_t max_stages = 64, max_name = 100;
constexpr std::int64_t max_training_bytes = std::int64_t{256} << 20;
// Arrays are not compressed, so that their stored sizes bound them one by one; one data set under many names would
// still add up. float16 is the smallest type that is read.
constexpr std::int64_t smallest_float_bytes = 2;

std::string stage_group(std::size_t i) { return fmt::format("/stages/{}", i); }

// Groups of policies: those of the cascade, and those fitted by supervision.
constexpr std::string_view policies_group = "/policies", exit_functions_group = "/exit_functions";
constexpr std::string_view frontier_group = "/frontier";

// A network of the zoo is stored by its name, any other as layer list.
std::string network_text(const Network& network) {
  try {
    if (make_network(network.name(), network.input_shape(), network.classes()) == network) return network.name();
  } catch (const UsageError&) {
    // not one of the zoo's names
  }
  return network.to_json();
}

void write_stage(Hdf5Writer& file, std::size_t i, const Stage& stage) {
  file.create_group(stage_group(i));
  file.write_attribute(stage_group(i), "network", network_text(stage.network));
  write_arrays(file, stage_group(i) + "/weights", parameter_shapes(stage.network), stage.parameters);
}

void write_policy(Hdf5Writer& file, std::string_view parent, std::size_t i, const Policy& policy) {
  const std::string group = fmt::format("{}/{}", parent, i);
  file.create_group(group);
  file.write_attribute(group, "input", to_string(policy.input));
  file.write_attribute(group, "hidden", policy.hidden);
  if (policy.input == PolicyInput::features) file.write_attribute(group, "features", policy.features);
  for (const PolicyArray& array : policy_arrays(policy)) {
    const Hdf5Shape shape =
        array.name.starts_with("bias") ? Hdf5Shape{array.rows} : Hdf5Shape{array.rows, array.columns};
    file.write<float>(fmt::format("{}/{}", group, array.name), shape, *array.values);
  }
}

// Points as columns; -1 stands for no policies of its own, and for no price.
void write_frontier(Hdf5Writer& file, const Frontier& frontier) {
  const auto points = static_cast<std::int64_t>(frontier.points.size()),
             stages = static_cast<std::int64_t>(frontier.stage_top1.size());
  std::vector<std::string> policies, combines;
  std::vector<double> parameters, top1, alphas, exits;
  std::vector<std::int32_t> sets;
  for (const FrontierPoint& point : frontier.points) {
    policies.emplace_back(to_string(point.policy.kind));
    combines.emplace_back(to_string(point.combine));
    parameters.push_back(point.policy.parameter.value());
    sets.push_back(point.set ? static_cast<std::int32_t>(*point.set) : -1);
    alphas.push_back(point.alpha.value_or(-1));
    top1.push_back(point.top1);
    exits.insert(exits.end(), point.exits.begin(), point.exits.end());
  }
  const std::string group(frontier_group);
  file.create_group(group);
  file.write_attribute(group, "images", frontier.images);
  file.write_attribute(group, "policy", policies);
  file.write_attribute(group, "combine", combines);
  file.write<double>(group + "/stage_top1", {stages}, frontier.stage_top1);
  file.write<double>(group + "/parameter", {points}, parameters);
  file.write<std::int32_t>(group + "/set", {points}, sets);
  file.write<double>(group + "/alpha", {points}, alphas);
  file.write<double>(group + "/top1", {points}, top1);
  file.write<double>(group + "/exits", {points, stages}, exits);
  for (std::size_t set = 0; set < frontier.policies.size(); ++set) {
    const std::string of_set = fmt::format("{}/policies/{}", group, set);
    file.create_group(of_set);
    for (std::size_t i = 0; i < frontier.policies[set].size(); ++i)
      write_policy(file, of_set, i, frontier.policies[set][i]);
  }
}

// Reads a model piece by piece, each with its checks.
class ModelReader {
 public:
  explicit ModelReader(const Hdf5Reader& file) : file_(file) {}

  Model read() {
    read_head();
    const std::size_t stages = count_members("/stages");
    if (stages == 0) file_.fail("/stages", "holds no stage");
    for (std::size_t i = 0; i < stages; ++i) read_stage(i);
    const std::size_t policies = read_policies(policies_group, model_.policies);
    if (policies + 1 != stages)
      file_.fail(policies_group,
                 fmt::format("holds {} policies, expected one fewer than the {} stages", policies, stages));
    read_policies(exit_functions_group, model_.exit_functions);
    const auto k = static_cast<std::int64_t>(stages);
    if (file_.has_dataset("/temperatures")) model_.temperatures = file_.read<double>("/temperatures", {k});
    if (file_.has_dataset("/combination")) model_.combination = file_.read<double>("/combination", {k, k});
    read_decision();
    read_frontier(k);
    read_training();
    read_color_order();
    try {
      check_model(model_);
    } catch (const ShapeError& error) {
      file_.fail("/", error.what());
    }
    return std::move(model_);
  }

 private:
  // An integer attribute that must lie in [smallest, largest].
  int number(std::string_view object, std::string_view attribute, int smallest, int largest) const {
    const std::int64_t value = file_.int_attribute(object, attribute);
    if (value < smallest || value > largest)
      file_.fail(object, fmt::format("attribute {} is {}, expected {} to {}", attribute, value, smallest, largest));
    return static_cast<int>(value);
  }

  void read_head() {
    constexpr int largest = std::numeric_limits<int>::max();
    const std::int64_t version = file_.int_attribute("/", "format_version");
    if (version != format_version)
      file_.fail("/", fmt::format("attribute format_version is {}, this program reads {}", version, format_version));
    model_.classes = number("/", "classes", 2, largest);
    const std::vector<std::int64_t> shape = file_.int_list_attribute("/", "input_shape");
    if (shape.size() != 3 || std::any_of(shape.begin(), shape.end(), [](auto v) { return v < 1 || v > largest; }))
      file_.fail("/", fmt::format("attribute input_shape is {}, expected [channels, height, width] of at least 1",
                                  to_string(Hdf5Shape(shape.begin(), shape.end()))));
    model_.input = {static_cast<int>(shape[0]), static_cast<int>(shape[1]), static_cast<int>(shape[2])};
    model_.mean = file_.float_list_attribute("/", "mean");
    model_.std = file_.float_list_attribute("/", "std");
    model_.label_names = file_.string_list_attribute("/", "label_names");
  }

  // The group's members must be named 0, 1, 2, ...; returns how many there are.
  std::size_t count_members(const std::string& group) const {
    const std::vector<std::string> members = file_.children(group);
    if (members.size() > max_stages)
      file_.fail(group, fmt::format("has {} members, at most {} are allowed", members.size(), max_stages));
    for (std::size_t i = 0; i < members.size(); ++i)
      if (std::find(members.begin(), members.end(), std::to_string(i)) == members.end())
        file_.fail(group, fmt::format("has {} members but none named {}", members.size(), i));
    return members.size();
  }

  Network read_network(std::size_t i) const {
    const std::string text = file_.string_attribute(stage_group(i), "network");
    const bool is_list = text.starts_with('{');
    if (!is_list && text.size() > max_name)
      file_.fail(stage_group(i), "attribute network: neither a known name nor a layer list");
    try {
      return is_list ? Network::from_json(text) : make_network(text, model_.input, model_.classes);
    } catch (const Error& error) {
      file_.fail(stage_group(i), fmt::format("attribute network: {}", error.what()));
    }
  }

  void check_fits(std::size_t i, const Network& network) const {
    if (network.classes() != model_.classes)
      file_.fail(stage_group(i), fmt::format("network {} has {} classes, the model has {}", network.name(),
                                             network.classes(), model_.classes));
    if (network.input_shape() != model_.input)
      file_.fail(stage_group(i), fmt::format("network {} takes images {}, the model {}", network.name(),
                                             to_string(network.input_shape()), to_string(model_.input)));
  }

  void read_stage(std::size_t i) {
    Network network = read_network(i);
    check_fits(i, network);
    floats_ += network.parameter_count();
    if (floats_ > file_.file_bytes() / smallest_float_bytes)
      file_.fail(stage_group(i), fmt::format("network {} has {} parameters, more than the whole file can hold",
                                             network.name(), network.parameter_count()));
    Parameters parameters = read_arrays(file_, stage_group(i) + "/weights", parameter_shapes(network));
    model_.stages.push_back({std::move(network), std::move(parameters)});
  }

  std::size_t read_policies(std::string_view parent, std::vector<Policy>& policies) {
    const std::size_t count = file_.has_group(parent) ? count_members(std::string(parent)) : 0;
    for (std::size_t i = 0; i < count; ++i) policies.push_back(read_policy(fmt::format("{}/{}", parent, i), i));
    return count;
  }

  // Of stage i.
  Policy read_policy(const std::string& group, std::size_t i) {
    Policy policy;
    policy.classes = model_.classes;
    try {
      policy.input = parse_policy_input(file_.string_attribute(group, "input"));
    } catch (const UsageError& error) {
      file_.fail(group, fmt::format("attribute input: {}", error.what()));
    }
    policy.hidden = number(group, "hidden", 1, 1 << 20);
    if (policy.input == PolicyInput::features) {
      if (i >= model_.stages.size()) file_.fail(group, "belongs to no stage");
      const int features = model_.stages[i].network.feature_count();
      policy.features = number(group, "features", features, features);
    }
    Parameters arrays = read_arrays(file_, group,
                                    {{"weight1", {policy.hidden, policy.inputs()}},
                                     {"bias1", {policy.hidden}},
                                     {"weight2", {policy.hidden, policy.hidden}},
                                     {"bias2", {policy.hidden}},
                                     {"weight3", {2, policy.hidden}},
                                     {"bias3", {2}}});
    policy.weight1 = std::move(arrays["weight1"]);
    policy.bias1 = std::move(arrays["bias1"]);
    policy.weight2 = std::move(arrays["weight2"]);
    policy.bias2 = std::move(arrays["bias2"]);
    policy.weight3 = std::move(arrays["weight3"]);
    policy.bias3 = std::move(arrays["bias3"]);
    return policy;
  }

  void read_decision() {
    if (!file_.has_attribute("/", "decision_policy")) return;
    const std::string policy = file_.string_attribute("/", "decision_policy"),
                      combine = file_.string_attribute("/", "decision_combine");
    try {
      const PolicyKind kind = parse_policy_kind(policy);
      if (!has_threshold(kind) && kind != PolicyKind::fixed)
        throw UsageError(fmt::format("policy {} has no threshold", policy));
      model_.decision = {{.kind = kind, .parameter = file_.float_attribute("/", "decision_threshold")},
                         parse_combine(combine)};
    } catch (const UsageError& error) {
      file_.fail("/", fmt::format("attributes decision_policy, decision_combine: {}", error.what()));
    }
  }

  void read_frontier(std::int64_t stages) {
    const std::string group(frontier_group);
    if (!file_.has_group(group)) return;
    constexpr std::int64_t kMostPoints = 10000;
    const std::vector<std::string> policies = file_.string_list_attribute(group, "policy"),
                                   combines = file_.string_list_attribute(group, "combine");
    const auto points = static_cast<std::int64_t>(policies.size());
    if (points < 1 || points > kMostPoints || combines.size() != policies.size())
      file_.fail(group, fmt::format("names {} policies and {} combinations, expected as many, 1 to {}", points,
                                    combines.size(), kMostPoints));
    Frontier& frontier = model_.frontier;
    frontier.images = file_.int_attribute(group, "images");
    frontier.stage_top1 = file_.read<double>(group + "/stage_top1", {stages});
    const auto parameters = file_.read<double>(group + "/parameter", {points}),
               alphas = file_.read<double>(group + "/alpha", {points}),
               top1 = file_.read<double>(group + "/top1", {points}),
               exits = file_.read<double>(group + "/exits", {points, stages});
    const auto sets = file_.read<std::int32_t>(group + "/set", {points});
    for (std::size_t i = 0; i < policies.size(); ++i) {
      const auto row = exits.begin() + static_cast<std::ptrdiff_t>(i) * stages;
      try {
        frontier.points.push_back({.policy = {parse_policy_kind(policies[i]), parameters[i]},
                                   .combine = parse_combine(combines[i]),
                                   .top1 = top1[i],
                                   .exits = {row, row + stages}});
      } catch (const UsageError& error) {
        file_.fail(group, fmt::format("point {}: {}", i, error.what()));
      }
      if (sets[i] >= 0) frontier.points.back().set = static_cast<std::size_t>(sets[i]);
      if (alphas[i] >= 0) frontier.points.back().alpha = alphas[i];
    }
    const std::string sets_group = group + "/policies";
    const std::size_t count = file_.has_group(sets_group) ? count_members(sets_group) : 0;
    frontier.policies.resize(count);
    for (std::size_t set = 0; set < count; ++set)
      read_policies(fmt::format("{}/{}", sets_group, set), frontier.policies[set]);
  }

  void read_training() {
    if (!file_.has_dataset("/training")) return;
    const Hdf5DatasetInfo info = file_.dataset_info("/training");
    if (info.shape.size() == 1 && info.shape[0] > max_training_bytes)
      file_.fail("/training", fmt::format("is {} bytes long, expected at most {}", info.shape[0], max_training_bytes));
    const std::vector<std::uint8_t> bytes = file_.read<std::uint8_t>("/training", {any_size});
    model_.training.assign(bytes.begin(), bytes.end());
    if (!nlohmann::json::accept(model_.training)) file_.fail("/training", "is not JSON");
    check_json_depth(model_.training, file_.path().string() + ": /training");
  }

  // Files from before there was the attribute may tell it among the settings of their training.
  void read_color_order() {
    if (file_.has_attribute("/", "color_order")) {
      model_.color_order = file_.string_attribute("/", "color_order");
      if (!is_color_order(model_.color_order))
        file_.fail("/", fmt::format("attribute color_order is '{}', expected RGB, BGR, gray or none",
                                    printable(model_.color_order)));
      return;
    }
    const auto place = "/settings/color_order"_json_pointer;
    const auto training = nlohmann::json::parse(model_.training, nullptr, false);
    if (!training.contains(place) || !training[place].is_string()) return;
    const auto told = training[place].get<std::string>();
    if (is_color_order(told)) model_.color_order = told;
  }

  const Hdf5Reader& file_;
  Model model_;
  std::int64_t floats_ = 0;
};

}  // namespace

Model read_model(const Hdf5Reader& file) { return ModelReader(file).read(); }

Model read_model(const std::filesystem::path& path) { return read_model(Hdf5Reader(path)); }

void write_model(Hdf5Writer& file, const Model& model) {
  check_model(model);
  if (model.policies.size() + 1 != model.stages.size()) throw ShapeError("model file: a model without policies");
  file.write_attribute("/", "format_version", format_version);
  file.write_attribute("/", "classes", model.classes);
  const std::vector<std::int64_t> shape{model.input.channels, model.input.height, model.input.width};
  file.write_attribute("/", "input_shape", std::span<const std::int64_t>(shape));
  file.write_attribute("/", "mean", std::span<const float>(model.mean));
  file.write_attribute("/", "std", std::span<const float>(model.std));
  file.write_attribute("/", "label_names", model.label_names);
  if (!model.color_order.empty()) file.write_attribute("/", "color_order", model.color_order);
  for (std::size_t i = 0; i < model.stages.size(); ++i) write_stage(file, i, model.stages[i]);
  for (std::size_t i = 0; i < model.policies.size(); ++i) write_policy(file, policies_group, i, model.policies[i]);
  for (std::size_t i = 0; i < model.exit_functions.size(); ++i)
    write_policy(file, exit_functions_group, i, model.exit_functions[i]);
  const auto k = static_cast<std::int64_t>(model.stages.size());
  if (!model.temperatures.empty()) file.write<double>("/temperatures", {k}, model.temperatures);
  if (!model.combination.empty()) file.write<double>("/combination", {k, k}, model.combination);
  if (model.decision) {
    file.write_attribute("/", "decision_policy", to_string(model.decision->policy.kind));
    file.write_attribute("/", "decision_threshold", *model.decision->policy.parameter);
    file.write_attribute("/", "decision_combine", to_string(model.decision->combine));
  }
  if (!model.frontier.empty()) write_frontier(file, model.frontier);
  if (model.training.empty()) return;
  const std::vector<std::uint8_t> bytes(model.training.begin(), model.training.end());
  file.write<std::uint8_t>("/training", {static_cast<std::int64_t>(bytes.size())}, bytes);
}

void write_model(const std::filesystem::path& path, const Model& model) {
  Hdf5Writer file(path);
  write_model(file, model);
  file.commit();
}

}  // namespace cascadecl
