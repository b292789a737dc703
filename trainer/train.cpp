#include "trainer/train.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "trainer/history.h"
#include "trainer/train_phases.h"
#include "trainer/training.h"
#include "trainer/training_data.h"

namespace cascadecl {
namespace {

using Position = TrainState::Position;

// False if the observer stopped it.
bool run(Training& training) {
  while (training.state.position != Position::done) {
    const Position position = training.state.position;
    if (training.refits() && training.state.before_refit.empty()) prepare_refit(training);
    const bool complete = position == Position::policy     ? train_policies(training)
                          : position == Position::joint    ? train_jointly(training)
                          : position == Position::frontier ? find_frontier(training)
                                                           : train_stages(training);
    if (!complete) {
      training.save();
      return false;
    }
    if (position == Position::pretrain && !training.settings.policy && training.can_fit_answers())
      fit_answers(training);
    training.advance(static_cast<Position>(static_cast<int>(position) + 1));
    training.save();
  }
  return true;
}

// "CPU A, CPU B": each name once.
std::string names_of(const std::vector<Device>& devices) {
  std::string text;
  std::set<std::string> seen;
  for (const Device& device : devices)
    if (seen.insert(device.info().name).second) text += (text.empty() ? "" : ", ") + device.info().name;
  return text;
}

Model result(const Training& training) {
  Model model = training.state.model;
  nlohmann::ordered_json facts = {
      {"settings", nlohmann::ordered_json::parse(training.identity())},
      {"device", names_of(training.devices)},
      {"driver", training.device().info().platform_name + " " + training.device().info().driver_version},
      {"relative_costs", training.costs()},
      {"history", nlohmann::ordered_json::parse(history_to_json(training.state.history))}};
  if (!training.state.before_refit.empty())
    facts["before_refit"] = nlohmann::ordered_json::parse(training.state.before_refit);
  model.training = facts.dump();
  return model;
}

}  // namespace

TrainResult train(const TrainSettings& settings, const Dataset& data, const Device& device, TrainObserver& observer,
                  const std::filesystem::path& checkpoint, bool resume, const std::optional<Model>& initial,
                  const MeterEnvironment& meters) {
  return train(settings, data, std::vector<Device>{device}, observer, checkpoint, resume, initial, meters);
}

TrainResult train(const TrainSettings& settings, const Dataset& data, const std::vector<Device>& devices,
                  TrainObserver& observer, const std::filesystem::path& checkpoint, bool resume,
                  const std::optional<Model>& initial, const MeterEnvironment& meters) {
  const std::shared_ptr<const Dataset> given(std::shared_ptr<void>(), &data);  // the caller's
  const DatasetOfModel seen = training_data(settings, given, checkpoint, resume, initial);
  for (const std::string& note : seen.notes) observer.on_note(note);
  const ValidationSplit split = split_validation(seen.dataset->labels(), settings.validation_share, settings.seed);
  Training training{settings, *seen.dataset, devices, observer, checkpoint, split, meters};
  if (resume) {
    training.resume();
  } else {
    training.start(initial);
  }
  const bool complete = run(training);
  return {complete, result(training), images_at_once(training.settings.batch_size, training.settings.micro_batch)};
}

}  // namespace cascadecl
