#include "runtime/study/tradeoff/policy_comparison.h"

#include "data/files/error.h"
#include "runtime/study/tradeoff/budget.h"

namespace cascadecl {

void require_policies(const Model& model) {
  if (model.policies.empty()) throw UsageError("policies: the model has none to compare others with");
}

std::vector<ComparedPolicy> compare_policies(const Model& model, CascadeTable table, const Device& device,
                                             Combine combine, double learned_limit, std::uint64_t seed) {
  require_policies(model);
  std::vector<ComparedPolicy> compared;
  SimulationSettings settings{
      .limit = learned_limit, .asks_model = true, .combine = combine, .combination = model.combination};
  const auto judge = [&](PolicyKind kind, std::optional<double> mmac) {
    const auto score = make_score(kind, {seed, model.combination});
    const std::vector<double> scores = scores_of(table, *score);
    settings.asks_model = asks_model(kind);
    if (mmac) settings.limit = finite_limit(scores, limit_at_mmac(table, scores, *mmac, settings.asks_model));
    compared.push_back({{kind, score->parameter_of(settings.limit)}, {}, simulate(table, scores, settings)});
  };
  table = with_policies(std::move(table), model.policies, device);
  judge(PolicyKind::learned, {});
  const double mmac = compared.front().simulation.mmac_per_image;
  for (const PolicyKind kind : policy_kinds())
    if (has_threshold(kind) && !asks_model(kind) && !(scores_combined(kind) && model.combination.empty()))
      judge(kind, mmac);
  if (!model.exit_functions.empty()) {
    table = with_policies(std::move(table), model.exit_functions, device);
    judge(PolicyKind::ann, mmac);
  }
  for (std::size_t k = 0; k < table.stages(); ++k)
    compared.push_back(
        {{PolicyKind::fixed, static_cast<double>(k)}, model.stages[k].network.name(), simulate_static(table, k)});
  settings.limit = 1;
  settings.combine = Combine::last;  // it knows that this answer is right
  judge(PolicyKind::oracle, {});
  compared.back().choice.parameter.reset();
  return compared;
}

}  // namespace cascadecl
