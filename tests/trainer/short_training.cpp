#include "tests/trainer/short_training.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/support/device_test.h"

namespace cascadecl::testing {

const MemoryDataset& images() {
  static const MemoryDataset data = generate_in_memory(easy_images(8), 0, 80);
  return data;
}

TrainSettings short_training() {
  return {.stages = {"resnet-8", "resnet-14"},
          .joint = true,
          .epochs = 2,
          .joint_loss = JointLoss::reinforce,
          .joint_epochs = 2,
          .batch_size = 16,
          .joint_learning_rate = 1e-4,
          .validation_share = 0.25,
          .learning = {.epochs = 2, .input = PolicyInput::sorted, .hidden = 8},
          .frontier = false};
}

TrainResult run(const TrainSettings& settings, TrainObserver& observer, const std::filesystem::path& checkpoint,
                bool resume, const std::optional<Model>& initial) {
  return train(settings, images(), test_device(), observer, checkpoint, resume, initial);
}

std::vector<Device> two_devices() { return {test_device(), Device(test_device().info())}; }

bool same(const Policy& a, const Policy& b) {
  return a.weight1 == b.weight1 && a.bias1 == b.bias1 && a.weight2 == b.weight2 && a.bias2 == b.bias2 &&
         a.weight3 == b.weight3 && a.bias3 == b.bias3;
}

void check_same(const Model& a, const Model& b) {
  REQUIRE(a.stages.size() == b.stages.size());
  REQUIRE(a.policies.size() == b.policies.size());
  for (std::size_t i = 0; i < a.stages.size(); ++i) CHECK(a.stages[i].parameters == b.stages[i].parameters);
  for (std::size_t i = 0; i < a.policies.size(); ++i) CHECK(same(a.policies[i], b.policies[i]));
  CHECK(a.temperatures == b.temperatures);
  CHECK(a.combination == b.combination);
  REQUIRE(a.frontier.points.size() == b.frontier.points.size());
  for (std::size_t i = 0; i < a.frontier.points.size(); ++i) {
    CHECK(to_string(a.frontier.points[i].policy) == to_string(b.frontier.points[i].policy));
    CHECK(a.frontier.points[i].top1 == b.frontier.points[i].top1);
    CHECK(a.frontier.points[i].exits == b.frontier.points[i].exits);
  }
}

std::vector<std::string> milestones(const Model& model) {
  std::vector<std::string> all;
  const auto training = nlohmann::json::parse(model.training);
  for (const auto& epoch : training["history"])
    all.push_back(epoch["phase"].get<std::string>() + epoch["what"].get<std::string>() + epoch["epoch"].dump() +
                  epoch["accuracy"].dump() + epoch["validation_accuracy"].dump());
  return all;
}

std::string place_of(const TrainState& state) {
  const char* names[] = {"pretrain", "policy", "joint", "frontier", "done"};
  std::string place = names[static_cast<int>(state.position)];
  std::size_t current = 0;
  if (state.position == TrainState::Position::pretrain) {
    while (current + 1 < state.progress.size() && state.progress[current].epoch >= 2) ++current;  // of short_training()
    place += " " + std::to_string(current);
  }
  if (!state.progress.empty() && state.progress[current].step > 0) place += " mid-epoch";
  if (state.policies_due) place += " policies due";
  return place;
}

}  // namespace cascadecl::testing
