#include "trainer/checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/named_arrays.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

constexpr std::string_view kGroup = "/checkpoint";
constexpr std::int64_t kMostEpochs = 1'000'000, kMostSteps = 2'000'000'000;
constexpr std::array<std::string_view, 4> kPositions{"pretrain", "policy", "joint", "done"};

std::string momentum_group(std::size_t i) { return fmt::format("/checkpoint/momentum/{}", i); }
std::string policy_momentum_group(std::size_t i) { return fmt::format("/checkpoint/policy_momentum/{}", i); }

ParameterShapes policy_shapes(const Policy& policy) {
  ParameterShapes shapes;
  for (const PolicyArray& array : policy_arrays(policy)) shapes[std::string(array.name)] = {array.rows, array.columns};
  return shapes;
}

Parameters policy_values(const Policy& policy) {
  Parameters values;
  for (const PolicyArray& array : policy_arrays(policy)) values[std::string(array.name)] = *array.values;
  return values;
}

// The stage whose momentum is the i-th: in pretraining only that of the stage in training is kept.
std::size_t momentum_stage(const TrainState& state, std::size_t i) {
  return state.position == TrainState::Position::pretrain ? static_cast<std::size_t>(state.stage) : i;
}

std::string progress_group(std::size_t i) { return fmt::format("/checkpoint/stages/{}", i); }

void write_progress(Hdf5Writer& file, const TrainState& s) {
  if (!s.progress.empty()) file.create_group("/checkpoint/stages");
  for (std::size_t i = 0; i < s.progress.size(); ++i) {
    const StageProgress& progress = s.progress[i];
    const std::string group = progress_group(i);
    file.create_group(group);
    file.write_attribute(group, "epoch", progress.epoch);
    file.write_attribute(group, "step", progress.step);
    file.write_attribute(group, "loss", progress.loss);
    file.write_attribute(group, "correct", progress.correct);
    if (!progress.momentum.empty())
      write_arrays(file, group + "/momentum", trained_parameter_shapes(s.model.stages[i].network), progress.momentum);
  }
}

void write_text(Hdf5Writer& file, const std::string& name, const std::string& text) {
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  file.write<std::uint8_t>(name, {static_cast<std::int64_t>(bytes.size())}, bytes);
}

std::string read_text(const Hdf5Reader& file, const std::string& name) {
  const std::vector<std::uint8_t> bytes = file.read<std::uint8_t>(name, {any_size});
  return {bytes.begin(), bytes.end()};
}

Policy read_policy_momentum(const Hdf5Reader& file, std::size_t i, const Policy& like) {
  Parameters arrays = read_arrays(file, policy_momentum_group(i), policy_shapes(like));
  Policy policy = like;
  policy.weight1 = arrays["weight1"];
  policy.bias1 = arrays["bias1"];
  policy.weight2 = arrays["weight2"];
  policy.bias2 = arrays["bias2"];
  policy.weight3 = arrays["weight3"];
  policy.bias3 = arrays["bias3"];
  return policy;
}

int small_number(const Hdf5Reader& file, std::string_view attribute, std::int64_t largest,
                 std::string_view group = kGroup) {
  const std::int64_t value = file.int_attribute(group, attribute);
  if (value < 0 || value > largest) {
    file.fail(group, fmt::format("attribute {} is {}, expected 0 to {}", attribute, value, largest));
  }
  return static_cast<int>(value);
}

double finite_number(const Hdf5Reader& file, std::string_view attribute, std::string_view group = kGroup) {
  const double value = file.float_attribute(group, attribute);
  if (!std::isfinite(value))
    file.fail(group, fmt::format("attribute {} is {}, expected a finite number", attribute, value));
  return value;
}

std::vector<double> read_relative_costs(const Hdf5Reader& file, std::size_t stages) {
  const std::string name = "/checkpoint/relative_costs";
  if (!file.has_dataset(name)) return {};
  std::vector<double> costs = file.read<double>(name, {static_cast<std::int64_t>(stages)});
  for (const double cost : costs)
    if (!(cost >= 0 && cost <= 1e6)) file.fail(name, fmt::format("holds {}, expected costs from 0 on", cost));
  return costs;
}

std::vector<StageProgress> read_progress(const Hdf5Reader& file, const Model& model) {
  std::vector<StageProgress> all;
  if (!file.has_group("/checkpoint/stages")) return all;
  for (std::size_t i = 0; i < model.stages.size(); ++i) {
    const std::string group = progress_group(i);
    if (!file.has_group(group)) file.fail(group, "missing");
    StageProgress progress{.epoch = small_number(file, "epoch", kMostEpochs, group),
                           .step = small_number(file, "step", kMostSteps, group),
                           .loss = finite_number(file, "loss", group),
                           .correct = finite_number(file, "correct", group)};
    if (file.has_group(group + "/momentum"))
      progress.momentum = read_arrays(file, group + "/momentum", trained_parameter_shapes(model.stages[i].network));
    all.push_back(std::move(progress));
  }
  return all;
}

// All or nothing: momentum of some stages or policies only would train on as if the others had stood still.
void check_momentum(const Hdf5Reader& file, const TrainState& s) {
  const std::size_t stages = s.position == TrainState::Position::pretrain ? 1 : s.model.stages.size();
  if (!s.momentum.empty() && s.momentum.size() != stages) {
    file.fail("/checkpoint/momentum", fmt::format("{} stages, expected {}", s.momentum.size(), stages));
  }
  if (!s.policy_momentum.empty() && s.policy_momentum.size() != s.model.policies.size()) {
    file.fail("/checkpoint/policy_momentum",
              fmt::format("{} policies, expected {}", s.policy_momentum.size(), s.model.policies.size()));
  }
}

TrainState::Position read_position(const Hdf5Reader& file) {
  const std::string name = file.string_attribute(kGroup, "position");
  for (std::size_t i = 0; i < kPositions.size(); ++i) {
    if (name == kPositions[i]) return static_cast<TrainState::Position>(i);
  }
  file.fail(kGroup, fmt::format("attribute position is '{}', expected pretrain, policy, joint or done", name));
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const TrainState& s = checkpoint.state;
  Hdf5Writer file(path);
  write_model(file, s.model);
  file.create_group(kGroup);
  file.write_attribute(kGroup, "position", kPositions[static_cast<std::size_t>(s.position)]);
  file.write_attribute(kGroup, "stage", s.stage);
  file.write_attribute(kGroup, "epoch", s.epoch);
  file.write_attribute(kGroup, "step", s.step);
  file.write_attribute(kGroup, "loss", s.loss);
  file.write_attribute(kGroup, "correct", s.correct);
  file.write_attribute(kGroup, "refit", s.refit ? 1 : 0);
  write_text(file, "/checkpoint/settings", checkpoint.settings);
  write_text(file, "/checkpoint/history", history_to_json(s.history));
  if (!s.relative_costs.empty())
    file.write<double>("/checkpoint/relative_costs", {static_cast<std::int64_t>(s.relative_costs.size())},
                       s.relative_costs);
  for (std::size_t i = 0; i < s.momentum.size(); ++i) {
    const Network& network = s.model.stages[momentum_stage(s, i)].network;
    write_arrays(file, momentum_group(i), trained_parameter_shapes(network), s.momentum[i]);
  }
  write_progress(file, s);
  for (std::size_t i = 0; i < s.policy_momentum.size(); ++i) {
    write_arrays(file, policy_momentum_group(i), policy_shapes(s.policy_momentum[i]),
                 policy_values(s.policy_momentum[i]));
  }
  file.commit();
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  if (!file.has_group(kGroup)) file.fail(kGroup, "missing: this is no checkpoint of a training");
  Checkpoint checkpoint;
  TrainState& s = checkpoint.state;
  s.model = read_model(file);
  s.position = read_position(file);
  s.stage = small_number(file, "stage", static_cast<std::int64_t>(s.model.stages.size()) - 1);
  s.epoch = small_number(file, "epoch", kMostEpochs);
  s.step = small_number(file, "step", kMostSteps);
  s.loss = finite_number(file, "loss");
  s.correct = finite_number(file, "correct");
  s.refit = small_number(file, "refit", 1) == 1;
  s.relative_costs = read_relative_costs(file, s.model.stages.size());
  checkpoint.settings = read_text(file, "/checkpoint/settings");
  check_json_depth(checkpoint.settings, path.string() + ": /checkpoint/settings");
  if (!nlohmann::json::parse(checkpoint.settings, nullptr, false).is_object()) {
    file.fail("/checkpoint/settings", "expected a JSON object");
  }
  try {
    s.history = history_from_json(read_text(file, "/checkpoint/history"));
  } catch (const FileError& error) {
    file.fail("/checkpoint/history", error.what());
  }
  for (std::size_t i = 0; i < s.model.stages.size() && file.has_group(momentum_group(i)); ++i) {
    const Network& network = s.model.stages[momentum_stage(s, i)].network;
    s.momentum.push_back(read_arrays(file, momentum_group(i), trained_parameter_shapes(network)));
  }
  for (std::size_t i = 0; i < s.model.policies.size() && file.has_group(policy_momentum_group(i)); ++i) {
    s.policy_momentum.push_back(read_policy_momentum(file, i, s.model.policies[i]));
  }
  s.progress = read_progress(file, s.model);
  check_momentum(file, s);
  return checkpoint;
}

}  // namespace cascadecl
