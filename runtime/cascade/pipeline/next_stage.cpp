#include "runtime/cascade/pipeline/next_stage.h"

#include <algorithm>

namespace cascadecl {
namespace {

template <class Condition>
std::optional<std::size_t> earliest(std::span<const WaitingStage> stages, const Condition& condition) {
  const auto found = std::ranges::find_if(stages, condition);
  if (found == stages.end()) return std::nullopt;
  return static_cast<std::size_t>(found - stages.begin());
}

template <class Condition>
std::optional<std::size_t> latest(std::span<const WaitingStage> stages, const Condition& condition) {
  for (std::size_t i = stages.size(); i-- > 0;)
    if (condition(stages[i])) return i;
  return std::nullopt;
}

}  // namespace

std::optional<std::size_t> next_stage(std::span<const WaitingStage> stages, std::size_t batch, std::size_t window) {
  if (const auto full = latest(stages, [&](const WaitingStage& stage) { return stage.ready >= window; })) return full;
  if (const auto due = latest(stages, [](const WaitingStage& stage) { return stage.due && stage.ready > 0; }))
    return due;
  if (const auto batched = earliest(
          stages, [&](const WaitingStage& stage) { return stage.ready >= batch || (stage.first && stage.ready > 0); }))
    return batched;
  return earliest(stages, [](const WaitingStage& stage) { return stage.drained && stage.ready > 0; });
}

}  // namespace cascadecl
