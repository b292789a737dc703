#include "runtime/cascade/chosen_cascade.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/study/answers/cascade_table.h"
#include "runtime/study/runs/evaluation.h"
#include "runtime/study/runs/placement.h"
#include "runtime/study/runs/stream_evaluation.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/small_cascade.h"

namespace cascadecl {
namespace {

using namespace small_cascade;

constexpr int count = 24;

// The three stages, with exit functions and fitted weights besides their policies.
Model whole_model() {
  Model model = test_model();
  std::vector<Network> networks;
  for (const Stage& stage : model.stages) networks.push_back(stage.network);
  model.exit_functions = random_model(networks, 9).policies;
  model.combination = {1, 0, 0, 0.5, 0.75, 0, 0.25, 0.5, 1};
  return model;
}

MemoryDataset noise() {
  DatasetHeader header{.name = "noise", .dims = {3, 8, 8}, .mean = {0.5F, 0.5F, 0.5F}, .std = {0.25F, 0.25F, 0.25F}};
  std::vector<std::int32_t> labels;
  for (int i = 0; i < count; ++i) labels.push_back(i % classes);
  for (int k = 0; k < classes; ++k) header.label_names.push_back("class " + std::to_string(k));
  return {header, random_images(count), labels};
}

std::vector<Device> devices() { return std::vector<Device>(3, testing::test_device()); }

CascadeResult classify(const Model& model, const ExecutorSettings& settings) {
  return CascadeExecutor(model, devices(), settings).classify(random_images(count));
}

// At which about half of the images leave at the first stage.
double middle_of(PolicyKind kind, const Model& model) {
  const CascadeTable table = cascade_table(model_under(model, {kind, 0.5}), testing::test_device(), noise(),
                                           all_indices(count), {.max_batch = 8});
  const auto score = make_score(kind);
  std::vector<double> scores = scores_of(table, *score);
  scores.resize(count);
  std::ranges::sort(scores);
  return score->parameter_of((scores[count / 2 - 1] + scores[count / 2]) / 2);
}

TEST_CASE("whatever runs a model obeys its decision unless told otherwise") {
  for (const PolicyKind kind : {PolicyKind::learned, PolicyKind::ann, PolicyKind::margin}) {
    CAPTURE(to_string(kind));
    const Model plain = whole_model();
    Model model = plain;
    model.decision = {{kind, middle_of(kind, plain)}, Combine::fitted};
    const ChosenCascade said =
        choose(plain, {.policy = model.decision->policy, .combine = Combine::fitted}, {.max_batch = 8});
    const CascadeResult expected = classify(said.model, said.settings);
    CHECK(std::set<int>(expected.exit_stage.begin(), expected.exit_stage.end()).size() > 1);

    const ExecutorSettings silent{.max_batch = 8};
    const CascadeResult obeyed = classify(model, silent);
    CHECK(obeyed.exit_stage == expected.exit_stage);
    CHECK(obeyed.answer == expected.answer);

    const Evaluation evaluation = evaluate(model, devices(), noise(), {.executor = silent});
    CHECK(evaluation.exit_stage == expected.exit_stage);
    double mmac = 0;
    for (const int exit : expected.exit_stage) mmac += said.model.macs_through(exit) / 1e6 / count;
    CHECK(evaluation.mmac_per_image == doctest::Approx(mmac));

    const CascadeResult told = classify(model, {.max_batch = 8, .policy = make_policy({PolicyKind::learned})});
    const CascadeResult own = classify(plain, silent);
    CHECK(told.exit_stage == own.exit_stage);
    CHECK(told.answer == own.answer);

    if (kind != PolicyKind::margin) continue;  // once is enough for what takes long
    const StreamEvaluation stream =
        evaluate_stream(model, devices(), noise(),
                        {.pipeline = {.executor = silent}, .rate_per_s = 1e6, .arrivals = Arrivals::uniform});
    CHECK(stream.mmac_per_image == doctest::Approx(mmac));
    for (std::size_t k = 0; k < 3; ++k)
      CHECK(stream.stopped[k] == std::ranges::count(expected.exit_stage, static_cast<int>(k)));

    const PlacementCosts costs =
        measure_placement(model, {testing::test_device()}, random_images(count), silent, Objective::throughput);
    CHECK(costs.reach[1] == doctest::Approx(1 - static_cast<double>(stream.stopped[0]) / count));
  }
}

TEST_CASE("what is said comes before the model's decision, whose combination goes with its policy alone") {
  Model model = whole_model();
  CHECK(to_string(choose(model, {}, {}).choice) == "learned:0.5");
  CHECK(choose(model, {}, {}).settings.combine == Combine::fitted);  // it holds weights
  CHECK(choose(test_model(), {}, {}).settings.combine == Combine::reweight);
  model.decision = {{PolicyKind::margin, 0.25}, Combine::reweight};
  CHECK(choose(model, {}, {}).settings.combine == Combine::reweight);
  model.decision = {{PolicyKind::margin, 0.25}, Combine::fitted};
  CHECK(to_string(choose(model, {}, {}).choice) == "margin:0.25");
  CHECK(choose(model, {}, {}).settings.combine == Combine::fitted);
  CHECK(choose(model, {.combine = Combine::last}, {}).settings.combine == Combine::last);
  CHECK(to_string(choose(model, {.combine = Combine::last}, {}).choice) == "margin:0.25");
  const ChosenCascade other = choose(model, {.policy = PolicyChoice{PolicyKind::entropy, 0.5}}, {});
  CHECK(to_string(other.choice) == "entropy:0.5");
  CHECK(other.settings.combine == Combine::fitted);
  CHECK(other.model.policies.empty());
  const ChosenCascade alone = choose(model, {.policy = PolicyChoice{PolicyKind::fixed, 1}}, {});
  CHECK(alone.model.stages.size() == 1);
  CHECK(alone.settings.combine == Combine::last);
  CHECK(alone.largest_mmac == largest_mmac(model));
  CHECK_THROWS_AS(choose(test_model(), {.policy = PolicyChoice{PolicyKind::ann, 0.5}}, {}), UsageError);
}

TEST_CASE("a policy that is given decides on the model as it is") {
  Model model = whole_model();
  model.decision = {{PolicyKind::margin, 0.25}, Combine::fitted};
  ExecutorSettings settings{.policy = make_policy({PolicyKind::confidence, 0.5})};
  Model runs = model;
  obey_decision(runs, settings);
  CHECK(runs.policies.size() == model.policies.size());
  CHECK(settings.policy->limit == 0.5);
  CHECK(settings.combine == Combine::fitted);
}

}  // namespace
}  // namespace cascadecl
