#include "runtime/study/answers/cascade_table.h"

#include <algorithm>
#include <limits>

#include "data/files/error.h"
#include "runtime/cascade/policy_op.h"
#include "runtime/study/answers/accuracy.h"

namespace cascadecl {
namespace {

std::vector<std::int32_t> labels_at(const Dataset& dataset, std::span<const std::int64_t> indices) {
  std::vector<std::int32_t> labels;
  for (const std::int64_t i : indices) labels.push_back(dataset.labels()[static_cast<std::size_t>(i)]);
  return labels;
}

double mmac_through(const CascadeTable& table, std::size_t exit, bool asks_model) {
  double mmac = 0;
  for (std::size_t t = 0; t <= exit; ++t)
    mmac += table.network_mmac[t] + (asks_model && t < table.policy_mmac.size() ? table.policy_mmac[t] : 0);
  return mmac;
}

// Accuracy and cost of images that stop at exit_stage.
void judge(const CascadeTable& table, const Combiner& combine, bool whole_stop, Simulation& result) {
  AccuracyCount accuracy;
  std::vector<float> answer(table.probabilities.classes), stop;
  for (std::size_t i = 0; i < table.images(); ++i) {
    const auto exit = static_cast<std::size_t>(result.exit_stage[i]);
    const Visit visit = table.visit(exit, i);
    stop.clear();
    for (std::size_t t = 0; t <= exit; ++t)
      stop.push_back(whole_stop ? t == exit : table.stop_probability[t * table.images() + i]);
    combine(visit.probabilities, stop, answer);
    accuracy.add(answer, std::span(table.labels).subspan(i, 1));
  }
  result.top1 = accuracy.top1();
  result.top5 = accuracy.top5();
}

void require_combination(const CascadeTable& table) {
  if (table.combination.size() != table.stages() * table.stages())
    throw UsageError("combined answers: no weights were fitted; cascadecl calibrate or train fits them");
}

// [images][classes], see pool_earlier().
std::vector<float> earlier_answers(const CascadeTable& table, std::size_t stage) {
  const std::size_t c = table.probabilities.classes;
  std::vector<float> sums(table.images() * c);
  for (std::size_t i = 0; i < table.images(); ++i) {
    std::vector<std::span<const float>> rows;
    for (std::size_t t = 0; t < stage; ++t) rows.push_back(table.probabilities.row(t, i));
    pool_earlier(rows, table.combination, std::span(sums).subspan(i * c, c));
  }
  return sums;
}

void set_cost(const CascadeTable& table, double mmac_per_image, Simulation& result) {
  result.mmac_per_image = mmac_per_image;
  result.mac_fraction = mmac_per_image / *std::ranges::max_element(table.network_mmac);
}

}  // namespace

Visit CascadeTable::visit(std::size_t stage, std::size_t image) const {
  Visit visit{.stage = stage, .image = static_cast<std::uint64_t>(numbers[image]), .label = labels[image]};
  for (std::size_t t = 0; t <= stage; ++t) visit.probabilities.push_back(probabilities.row(t, image));
  if (!stop_probability.empty()) visit.stop_probability = stop_probability[stage * images() + image];
  return visit;
}

CascadeTable cascade_table(const Model& model, const Device& device, const Dataset& dataset,
                           std::span<const std::int64_t> indices, const ExecutorSettings& settings,
                           const std::function<void(std::int64_t done)>& progress, bool features) {
  features = features || sees_features(model.policies) || sees_features(model.exit_functions);
  StageOutputs outputs = stage_outputs(model, device, dataset, indices, settings, features, progress);
  CascadeTable table{.probabilities = std::move(outputs.probabilities),
                     .labels = labels_at(dataset, indices),
                     .numbers = {indices.begin(), indices.end()},
                     .features = std::move(outputs.features),
                     .combination = model.combination};
  for (const Stage& stage : model.stages) table.network_mmac.push_back(static_cast<double>(stage.network.macs()) / 1e6);
  return with_policies(std::move(table), model.policies, device);
}

CascadeTable with_policies(CascadeTable table, const std::vector<Policy>& policies, const Device& device) {
  table.stop_probability.clear();
  table.policy_mmac.clear();
  if (policies.empty()) return table;
  if (sees_features(policies) && table.features.empty())
    throw UsageError("policies: they see features, which were not kept of these images");
  if (sees_combined(policies)) require_combination(table);
  const std::size_t n = table.images(), c = table.probabilities.classes, k = table.stages();
  const Array<float> stop = device.allocate<float>(n);
  for (std::size_t t = 0; t < policies.size(); ++t) {
    const Array<float> rows =
        device.upload(std::span<const float>(table.probabilities.values).subspan(t * n * c, n * c));
    const Array<float> features = policies[t].features > 0 ? device.upload(table.features.at(t)) : Array<float>();
    const bool combined = policies[t].input == PolicyInput::combined;
    const Array<float> earlier = combined ? device.upload(earlier_answers(table, t)) : Array<float>();
    PolicyOp(device, policies[t], static_cast<int>(n), combined ? table.combination[t * k + t] : 1)
        .run(static_cast<int>(n), {rows, features, earlier}, stop);
    table.policy_mmac.push_back(static_cast<double>(policies[t].macs()) / 1e6);
    const std::vector<float> values = device.read(stop);
    table.stop_probability.insert(table.stop_probability.end(), values.begin(), values.end());
  }
  table.stop_probability.resize(table.stages() * n, 1.0F);
  return table;
}

CascadeTable with_combined_answers(CascadeTable table) {
  require_combination(table);
  const Combiner combine(Combine::fitted, table.stages(), table.combination);
  StageProbabilities answers = table.probabilities;
  std::span<float> values = answers.values;
  for (std::size_t k = 0; k < table.stages(); ++k)
    for (std::size_t i = 0; i < table.images(); ++i)
      combine(table.visit(k, i).probabilities, {},
              values.subspan((k * answers.images + i) * answers.classes, answers.classes));
  table.probabilities = std::move(answers);
  return table;
}

std::vector<double> scores_of(const CascadeTable& table, const StoppingScore& score) {
  std::vector<double> scores;
  scores.reserve((table.stages() - 1) * table.images());
  for (std::size_t t = 0; t + 1 < table.stages(); ++t)
    for (std::size_t i = 0; i < table.images(); ++i) scores.push_back(score.of(table.visit(t, i)));
  return scores;
}

std::size_t exit_of(const CascadeTable& table, std::span<const double> scores, double limit, std::size_t image) {
  std::size_t stage = 0;
  while (!stops(stage, table.stages(), limit, [&] { return scores[stage * table.images() + image]; })) ++stage;
  return stage;
}

Simulation simulate(const CascadeTable& table, std::span<const double> scores, const SimulationSettings& settings) {
  Simulation result{.stopped = std::vector<std::int64_t>(table.stages())};
  for (std::size_t i = 0; i < table.images(); ++i) {
    const std::size_t exit = exit_of(table, scores, settings.limit, i);
    result.exit_stage.push_back(static_cast<int>(exit));
    ++result.stopped[exit];
  }
  judge(table, Combiner(settings.combine, table.stages(), settings.combination),
        !settings.asks_model || table.stop_probability.empty(), result);
  set_cost(table, mmac_at(table, scores, settings.limit, settings.asks_model), result);
  return result;
}

Simulation simulate_static(const CascadeTable& table, std::size_t stage) {
  Simulation result{.exit_stage = std::vector<int>(table.images(), static_cast<int>(stage)),
                    .stopped = std::vector<std::int64_t>(table.stages())};
  result.stopped[stage] = static_cast<std::int64_t>(table.images());
  judge(table, Combiner(Combine::last, table.stages(), {}), true, result);
  set_cost(table, table.network_mmac[stage], result);
  return result;
}

double mmac_at(const CascadeTable& table, std::span<const double> scores, double limit, bool asks_model) {
  double sum = 0;
  for (std::size_t i = 0; i < table.images(); ++i)
    sum += mmac_through(table, exit_of(table, scores, limit, i), asks_model);
  return sum / static_cast<double>(table.images());
}

double limit_at_mmac(const CascadeTable& table, std::span<const double> scores, double mmac_per_image,
                     bool asks_model) {
  // The cost rises with the limit: search among the scores there are, and one above them all.
  std::vector<double> limits(scores.begin(), scores.end());
  limits.push_back(std::numeric_limits<double>::infinity());
  std::ranges::sort(limits);
  limits.erase(std::unique(limits.begin(), limits.end()), limits.end());
  const auto too_dear = std::partition_point(limits.begin(), limits.end(), [&](double limit) {
    return mmac_at(table, scores, limit, asks_model) <= mmac_per_image;
  });
  return too_dear == limits.begin() ? limits.front() : *(too_dear - 1);
}

}  // namespace cascadecl
