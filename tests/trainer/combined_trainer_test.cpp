#include "trainer/combined_trainer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/loader.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/test_networks.h"
#include "tests/support/training.h"
#include "trainer/pretrain.h"

namespace cascadecl {
namespace {

using namespace testing;

constexpr int classes = 10;  // of generated images

const MemoryDataset& images() {
  static const MemoryDataset data = generate_in_memory(easy_images(8), 0, 48);
  return data;
}

Model three_stages(PolicyInput input) {
  Model model = random_model(
      {small_resnet({3, 8, 8}, classes), small_resnet({3, 8, 8}, classes), small_resnet({3, 8, 8}, classes)}, 3, input);
  if (model.combination.empty()) model.combination = own_answers(3);
  return model;
}

JointState start_of(const Model& model) {
  JointState state;
  for (const Stage& stage : model.stages) state.parameters.push_back(stage.parameters);
  return state;
}

CombinedTrainer trainer_of(const Model& model, const CombinedTrainerSettings& settings) {
  return {test_device(), model, images(), all_indices(images().size()), settings, start_of(model)};
}

double largest_difference(const Parameters& a, const Parameters& b) {
  double largest = 0;
  for (const auto& [key, values] : a)
    for (std::size_t i = 0; i < values.size(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(values[i]) - static_cast<double>(b.at(key)[i])));
  return largest;
}

TEST_CASE("by its own answers every stage learns as in pretraining") {
  const Model model = three_stages(PolicyInput::combined);
  for (const int micro_batch : {0, 4}) {
    CombinedTrainer together = trainer_of(model, {.epochs = 1,
                                                  .batch_size = 16,
                                                  .micro_batch = micro_batch,
                                                  .learning_rate = {{0.02, 0.05, 0.01}},
                                                  .augment = false,
                                                  .seed = 4,
                                                  .own_answers = true});
    Recorder nobody;
    REQUIRE(together.run_epoch(nobody) == EpochOutcome::complete);
    CHECK(together.finished());
    const JointState learned = together.state();
    double loss = 0;
    for (std::size_t t = 0; t < 3; ++t) {
      Pretrainer alone(test_device(), model.stages[t].network, images(), all_indices(images().size()), {},
                       {.epochs = 1,
                        .batch_size = 16,
                        .micro_batch = micro_batch,
                        .learning_rate = std::vector{0.02, 0.05, 0.01}[t],
                        .augment = false,
                        .seed = 4},
                       {.parameters = model.stages[t].parameters});
      alone.run_epoch(nobody);
      CHECK(largest_difference(alone.state().parameters, learned.parameters[t]) < 1e-4);
      CHECK(largest_difference(model.stages[t].parameters, learned.parameters[t]) > 1e-3);
      loss += alone.last_epoch().loss;
    }
    CHECK(together.last_epoch().loss == doctest::Approx(loss).epsilon(1e-3));
  }
}

TEST_CASE("stages learn to answer right together, whatever the policies see") {
  for (const PolicyInput input : {PolicyInput::combined, PolicyInput::sorted, PolicyInput::features}) {
    Model model = three_stages(input);
    model.temperatures = {1.2, 0.9, 1.1};
    CombinedTrainer together =
        trainer_of(model, {.epochs = 60, .batch_size = 16, .learning_rate = 0.05, .cutout = {{0, 2, 2}}, .seed = 4});
    Recorder epochs;
    while (!together.finished()) {
      together.run_epoch(epochs);
      epochs.on_epoch(together.last_epoch());
    }
    CHECK(epochs.epochs.back().loss < 0.7 * epochs.epochs.front().loss);
    CHECK(*epochs.epochs.back().accuracy > *epochs.epochs.front().accuracy);
  }
}

}  // namespace
}  // namespace cascadecl
