#include "runtime/cascade/chosen_cascade.h"

#include <utility>

namespace cascadecl {

ChosenCascade choose(Model whole, const CascadeChoice& said, ExecutorSettings settings) {
  if (said.goal) {
    const FrontierPoint point =
        pick(whole.frontier, said.goal->goal, said.goal->costs.value_or(relative_macs(whole)), said.goal->unit);
    whole = at_point(std::move(whole), point);
  }
  Decision decision = whole.decision.value_or(Decision{{PolicyKind::learned, 0.5}, default_combine(whole)});
  if (said.policy) decision = {*said.policy, default_combine(whole)};
  if (said.combine) decision.combine = *said.combine;
  if (decision.policy.kind == PolicyKind::fixed) decision.combine = Combine::last;  // there is one answer
  settings.policy = make_policy(decision.policy, {said.seed, whole.combination});
  settings.combine = decision.combine;
  const double largest = largest_mmac(whole);
  return {model_under(std::move(whole), decision.policy), decision.policy, std::move(settings), largest};
}

void obey_decision(Model& model, ExecutorSettings& settings) {
  if (!settings.policy) {
    const CascadeChoice open{.combine = settings.combine};
    ChosenCascade chosen = choose(std::move(model), open, std::move(settings));
    model = std::move(chosen.model);
    settings = std::move(chosen.settings);
  }
  if (!settings.combine) settings.combine = default_combine(model);
}

}  // namespace cascadecl
