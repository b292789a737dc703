#include "trainer/checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/named_arrays.h"
#include "runtime/foreign_text.h"
#include "trainer/history.h"

namespace cascadecl {
namespace {

constexpr std::string_view kGroup = "/checkpoint";
constexpr std::int64_t kMostEpochs = 1'000'000, kMostSteps = 2'000'000'000;
constexpr std::array<std::string_view, 5> kPositions{"pretrain", "policy", "joint", "frontier", "done"};

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

std::string stage_group(std::size_t i) { return fmt::format("/checkpoint/stages/{}", i); }
std::string best_group(std::size_t i) { return stage_group(i) + "/best"; }

void write_progress(Hdf5Writer& file, std::string_view group, const EpochProgress& progress) {
  file.write_attribute(group, "epoch", progress.epoch);
  file.write_attribute(group, "step", progress.step);
  file.write_attribute(group, "loss", progress.loss);
  file.write_attribute(group, "correct", progress.correct);
}

// Of a training that is in pretraining: of each stage by itself.
void write_stages(Hdf5Writer& file, const TrainState& s) {
  file.create_group("/checkpoint/stages");
  for (std::size_t i = 0; i < s.progress.size(); ++i) {
    file.create_group(stage_group(i));
    write_progress(file, stage_group(i), s.progress[i]);
    if (!s.momentum[i].empty())
      write_arrays(file, stage_group(i) + "/momentum", trained_parameter_shapes(s.model.stages[i].network),
                   s.momentum[i]);
    if (!s.best[i].empty()) write_arrays(file, best_group(i), parameter_shapes(s.model.stages[i].network), s.best[i]);
  }
}

// Of one in a later phase.
void write_phase(Hdf5Writer& file, const TrainState& s) {
  if (!s.progress.empty()) write_progress(file, kGroup, s.progress.front());
  for (std::size_t i = 0; i < s.momentum.size(); ++i)
    write_arrays(file, momentum_group(i), trained_parameter_shapes(s.model.stages[i].network), s.momentum[i]);
  for (std::size_t i = 0; i < s.policy_momentum.size(); ++i)
    write_arrays(file, policy_momentum_group(i), policy_shapes(s.policy_momentum[i]),
                 policy_values(s.policy_momentum[i]));
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

EpochProgress read_progress(const Hdf5Reader& file, std::string_view group) {
  return {.epoch = small_number(file, "epoch", kMostEpochs, group),
          .step = small_number(file, "step", kMostSteps, group),
          .loss = finite_number(file, "loss", group),
          .correct = finite_number(file, "correct", group)};
}

Parameters read_momentum(const Hdf5Reader& file, const std::string& group, const Network& network) {
  if (!file.has_group(group)) return {};
  return read_arrays(file, group, trained_parameter_shapes(network));
}

void read_stages(const Hdf5Reader& file, TrainState& s) {
  for (std::size_t i = 0; i < s.model.stages.size(); ++i) {
    if (!file.has_group(stage_group(i))) file.fail(stage_group(i), "missing");
    s.progress.push_back(read_progress(file, stage_group(i)));
    s.momentum.push_back(read_momentum(file, stage_group(i) + "/momentum", s.model.stages[i].network));
    s.best.push_back(file.has_group(best_group(i))
                         ? read_arrays(file, best_group(i), parameter_shapes(s.model.stages[i].network))
                         : Parameters{});
  }
}

// The epochs of a stage as settings tell them: one number for all stages, or a list.
int epochs_of(const nlohmann::json& settings, std::size_t stage) {
  const nlohmann::json epochs = settings.value("epochs", nlohmann::json());
  const nlohmann::json of = epochs.is_array() && stage < epochs.size() ? epochs[stage] : epochs;
  return of.is_number_integer() && of >= 0 && of <= kMostEpochs ? of.get<int>() : 0;
}

// Earlier versions wrote only where one stage is: those before it are done, those after it have not begun.
void read_one_stage(const Hdf5Reader& file, const nlohmann::json& settings, TrainState& s) {
  const std::size_t stages = s.model.stages.size();
  const auto current = static_cast<std::size_t>(small_number(file, "stage", static_cast<std::int64_t>(stages) - 1));
  s.progress.resize(stages);
  s.momentum.resize(stages);
  s.best.resize(stages);
  for (std::size_t i = 0; i < current; ++i) s.progress[i].epoch = epochs_of(settings, i);
  s.progress[current] = read_progress(file, kGroup);
  s.momentum[current] = read_momentum(file, momentum_group(0), s.model.stages[current].network);
}

void read_phase(const Hdf5Reader& file, TrainState& s) {
  if (s.position != TrainState::Position::done) s.progress = {read_progress(file, kGroup)};
  for (std::size_t i = 0; i < s.model.stages.size() && file.has_group(momentum_group(i)); ++i)
    s.momentum.push_back(read_momentum(file, momentum_group(i), s.model.stages[i].network));
  for (std::size_t i = 0; i < s.model.policies.size() && file.has_group(policy_momentum_group(i)); ++i)
    s.policy_momentum.push_back(read_policy_momentum(file, i, s.model.policies[i]));
}

// All or nothing: momentum of some stages or policies only would train on as if the others had stood still.
void check_momentum(const Hdf5Reader& file, const TrainState& s) {
  if (!s.momentum.empty() && s.momentum.size() != s.model.stages.size()) {
    file.fail("/checkpoint/momentum", fmt::format("{} stages, expected {}", s.momentum.size(), s.model.stages.size()));
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
  file.fail(kGroup,
            fmt::format("attribute position is '{}', expected pretrain, policy, joint, frontier or done", name));
}

}  // namespace

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  const TrainState& s = checkpoint.state;
  Hdf5Writer file(path);
  write_model(file, s.model);
  file.create_group(kGroup);
  file.write_attribute(kGroup, "position", kPositions[static_cast<std::size_t>(s.position)]);
  file.write_attribute(kGroup, "refit", s.policies_due ? 1 : 0);
  write_text(file, "/checkpoint/settings", checkpoint.settings);
  write_text(file, "/checkpoint/history", history_to_json(s.history));
  if (!s.relative_costs.empty())
    file.write<double>("/checkpoint/relative_costs", {static_cast<std::int64_t>(s.relative_costs.size())},
                       s.relative_costs);
  if (s.position == TrainState::Position::pretrain) {
    write_stages(file, s);
  } else {
    write_phase(file, s);
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
  s.policies_due = small_number(file, "refit", 1) == 1;
  s.relative_costs = read_relative_costs(file, s.model.stages.size());
  checkpoint.settings = read_text(file, "/checkpoint/settings");
  check_json_depth(checkpoint.settings, path.string() + ": /checkpoint/settings");
  const auto settings = nlohmann::json::parse(checkpoint.settings, nullptr, false);
  if (!settings.is_object()) file.fail("/checkpoint/settings", "expected a JSON object");
  try {
    s.history = history_from_json(read_text(file, "/checkpoint/history"));
  } catch (const FileError& error) {
    file.fail("/checkpoint/history", error.what());
  }
  if (s.position != TrainState::Position::pretrain) {
    read_phase(file, s);
  } else if (file.has_group("/checkpoint/stages")) {
    read_stages(file, s);
  } else {
    read_one_stage(file, settings, s);
  }
  check_momentum(file, s);
  return checkpoint;
}

}  // namespace cascadecl
