#include "runtime/study/runs/unit_goal.h"

#include <cstdint>
#include <vector>

#include "data/files/error.h"
#include "data/files/random.h"

namespace cascadecl {
namespace {

std::vector<std::uint8_t> noise_images(std::size_t count, const ImageShape& shape) {
  std::vector<std::uint8_t> noise(count * shape.values());
  RandomStream random(1, RandomPurpose::timing, 0);
  for (std::uint8_t& pixel : noise) pixel = static_cast<std::uint8_t>(random.below(256));
  return noise;
}

}  // namespace

std::string_view unit_text(CostUnit unit) {
  return unit == CostUnit::ms ? "ms an image" : unit == CostUnit::mj ? "mJ an image" : "of the largest stage's MACs";
}

std::string_view unit_text(const UnitGoal& goal) {
  return goal.goal.kind == Goal::Kind::drop ? "points below the best stage" : unit_text(goal.unit);
}

GoalChoice goal_choice(const UnitGoal& goal, const Model& model, std::span<const Device> devices,
                       const ExecutorSettings& settings, const MeterEnvironment& environment) {
  GoalChoice choice{.goal = goal.goal, .unit = std::string(unit_text(goal))};
  if (goal.unit == CostUnit::mac) return choice;
  const std::vector<std::uint8_t> noise = noise_images(256, model.input);
  choice.costs.emplace();
  for (std::size_t k = 0; k < model.stages.size(); ++k) {
    const Model alone = single_stage(model, k);
    if (goal.unit == CostUnit::ms) {
      choice.costs->stages.push_back(stage_times_ms(alone, devices[k], noise, 3, settings).stages.front());
      continue;
    }
    const StageEnergies energies = stage_energies_mj(alone, devices[k], noise, settings, environment);
    if (!energies.costs) throw MeasurementError("energy: " + energies.reason);
    choice.costs->stages.push_back(energies.costs->stages.front());
  }
  return choice;
}

}  // namespace cascadecl
