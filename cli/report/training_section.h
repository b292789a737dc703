#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

namespace cascadecl {

// What a model file tells of its training (Model::training), as far as it can be read; from elsewhere it may hold
// anything.
struct TrainingFacts {
  std::optional<double> alpha;
  std::optional<std::uint64_t> seed;
  std::string joint_loss;  // what the stages learned from together, see SweepPoint; empty if they did not
};
TrainingFacts training_facts(const std::string& training);

// {"command", "settings": {...}, "device", "driver", "curves": [{"phase", "what", "epochs": [{"epoch", "loss",
// "accuracy", "validation_accuracy", "mac_fraction", "kept" where true}, ...]}, ...]}; null if the model tells nothing.
nlohmann::ordered_json training_json(const std::string& training);

}  // namespace cascadecl
