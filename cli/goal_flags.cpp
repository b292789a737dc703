#include "cli/goal_flags.h"

#include <fmt/format.h>

#include "cli/flag_rules.h"

namespace cascadecl {

void GoalFlags::add_to(Options& options) {
  options_ = &options;
  options.add_number("target-mac", mac_, 0, 1e6,
                     "be as accurate as this share of the largest stage's MACs allows, on held-out images");
  options.add_number("target-ms", ms_, 0, 1e9, "the same within this many ms an image, measured on the device");
  options.add_number("target-mj", mj_, 0, 1e9, "the same within this many mJ an image, measured on the device");
  options.add_number("target-drop", drop_, -100, 100,
                     "be as cheap as possible, and at most this many points less accurate than the best stage");
}

std::optional<UnitGoal> GoalFlags::goal() const {
  using Kind = Goal::Kind;
  std::optional<UnitGoal> chosen;
  for (const UnitGoal& one :
       {UnitGoal{{Kind::cost, mac_}, CostUnit::mac}, UnitGoal{{Kind::cost, ms_}, CostUnit::ms},
        UnitGoal{{Kind::cost, mj_}, CostUnit::mj}, UnitGoal{{Kind::drop, drop_}, CostUnit::mac}}) {
    const std::string flag = flag_of(one);
    if (!options_->given(flag)) continue;
    if (chosen)
      check_flags(*options_, {{true, {flag}, fmt::format("not with --{}: give one target", flag_of(*chosen))}});
    chosen = one;
  }
  return chosen;
}

std::string flag_of(const UnitGoal& goal) {
  return goal.goal.kind == Goal::Kind::drop ? "target-drop" : fmt::format("target-{}", to_string(goal.unit));
}

}  // namespace cascadecl
