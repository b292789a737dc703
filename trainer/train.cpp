#include "trainer/train.h"

#include <nlohmann/json.hpp>

#include "trainer/train_phases.h"
#include "trainer/training.h"

namespace cascadecl {
namespace {

using Position = TrainState::Position;

// False if the observer stopped it.
bool run(Training& training) {
  while (training.state.position != Position::done) {
    const Position position = training.state.position;
    const bool complete = position == Position::pretrain ? train_stages(training)
                          : position == Position::policy ? train_policies(training)
                                                         : train_jointly(training);
    if (!complete) {
      training.save();
      return false;
    }
    training.advance(static_cast<Position>(static_cast<int>(position) + 1));
    training.save();
  }
  return true;
}

Model result(const Training& training) {
  Model model = training.state.model;
  const nlohmann::ordered_json facts = {
      {"settings", nlohmann::ordered_json::parse(training.identity())},
      {"device", training.device.info().name},
      {"driver", training.device.info().platform_name + " " + training.device.info().driver_version},
      {"relative_costs", relative_costs(model)},
      {"history", nlohmann::ordered_json::parse(history_to_json(training.state.history))}};
  model.training = facts.dump();
  return model;
}

}  // namespace

TrainResult train(const TrainSettings& settings, const Dataset& data, const Device& device, TrainObserver& observer,
                  const std::filesystem::path& checkpoint, bool resume, const std::optional<Model>& initial) {
  const ValidationSplit split = split_validation(data.labels(), settings.validation_share, settings.seed);
  Training training{settings, data, device, observer, checkpoint, split};
  if (resume) {
    training.resume();
  } else {
    training.start(initial);
  }
  const bool complete = run(training);
  return {complete, result(training)};
}

}  // namespace cascadecl
