#pragma once
#include <optional>
#include <string>

#include "cli/options.h"
#include "runtime/study/runs/unit_goal.h"

namespace cascadecl {

// --target-mac, --target-ms, --target-mj and --target-drop: what a cascade may cost, or lose.
class GoalFlags {
 public:
  void add_to(Options& options);
  // After parsing: what was asked for, if anything. Throws UsageError for two targets.
  std::optional<UnitGoal> goal() const;

 private:
  const Options* options_ = nullptr;  // given to add_to, outlives this
  double mac_ = 0, ms_ = 0, mj_ = 0, drop_ = 0;
};

// "target-ms"
std::string flag_of(const UnitGoal& goal);

}  // namespace cascadecl
