#include "runtime/study/runs/evaluation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/combine.h"
#include "runtime/network/zoo.h"
#include "runtime/study/answers/label_probabilities.h"
#include "tests/support/device_test.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

constexpr ImageShape shape{3, 8, 8};
constexpr std::size_t image_bytes = 3 * 8 * 8;

Model small_model() {
  return random_model({make_network("resnet-8", shape, 7), make_network("resnet-14", shape, 7)}, 4);
}

MemoryDataset small_dataset(std::int64_t images, int classes = 7, ImageDims dims = {3, 8, 8}) {
  std::mt19937 engine(2);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * dims.bytes()));
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(engine() >> 24);
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < images; ++i) labels.push_back(static_cast<std::int32_t>(i % classes));
  DatasetHeader header{.name = "noise", .dims = dims, .mean = {0.5F, 0.5F, 0.5F}, .std = {0.25F, 0.25F, 0.25F}};
  for (int k = 0; k < classes; ++k) header.label_names.push_back("class " + std::to_string(k));
  return {header, pixels, labels};
}

std::vector<Device> devices_of(const Model& model) {
  return std::vector<Device>(model.stages.size(), testing::test_device());
}

TEST_CASE("evaluation counts what a single call of the executor counts") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(30);
  const ExecutorSettings executor{.max_batch = 4, .policy = make_policy({PolicyKind::sample}, {6})};
  const Evaluation result = evaluate(model, devices_of(model), dataset, {.executor = executor});

  std::vector<std::uint8_t> images(30 * image_bytes);
  dataset.read(all_indices(30), images.data());
  const CascadeResult whole = CascadeExecutor(model, devices_of(model), executor).classify(images);
  AccuracyCount accuracy;
  accuracy.add(whole.answer, dataset.labels());
  CHECK(result.images == 30);
  CHECK(result.top1 == accuracy.top1());
  CHECK(result.top5 == accuracy.top5());
  double mmac = 0, correct = 0;
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(result.stages[k].entered == whole.stages[k].entered);
    CHECK(result.stages[k].stopped == whole.stages[k].stopped);
    mmac += static_cast<double>(whole.stages[k].entered) * model.stage_macs(k) / 1e6 / 30;
    correct += static_cast<double>(result.stages[k].stopped) * result.stages[k].top1_of_stopped.value_or(0);
  }
  CHECK(result.mmac_per_image == doctest::Approx(mmac));
  CHECK(result.mac_fraction == doctest::Approx(mmac * 1e6 / static_cast<double>(model.stages[1].network.macs())));
  CHECK(result.top1 == doctest::Approx(correct / 30));
  CHECK_FALSE(result.measured_saving);
  CHECK_FALSE(result.saving_ratio());
}

TEST_CASE("what a precision changes is counted against fp32 on the same images") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(30);
  const auto evaluation = [&](Precision precision, bool compare) {
    return evaluate(model, devices_of(model), dataset,
                    {.executor = {.max_batch = 4, .precision = precision}, .compare_precision = compare});
  };
  const Evaluation half = evaluation(Precision::fp16, true), full = evaluation(Precision::fp32, true);
  REQUIRE(half.precision_change);
  CHECK(half.precision_change->top1_fp32 == full.top1);
  CHECK(half.precision_change->top1_change == half.top1 - full.top1);
  CHECK(half.precision_change->largest_probability_difference > 0);
  CHECK(half.precision_change->largest_probability_difference < 0.05);
  REQUIRE(full.precision_change);  // fp32 against itself
  CHECK(full.precision_change->exits_changed == 0);
  CHECK(full.precision_change->largest_probability_difference == 0);
  CHECK_FALSE(evaluation(Precision::fp16, false).precision_change);

  PrecisionComparison comparison;  // one image of two that stops elsewhere, and answers otherwise
  CascadeResult one{.images = 2, .classes = 2, .exit_stage = {0, 1}, .answer = {0.6F, 0.4F, 0.3F, 0.7F}};
  one.probabilities = one.answer;
  CascadeResult other = one;
  other.exit_stage = {0, 0};
  other.answer = {0.6F, 0.4F, 0.7F, 0.3F};
  other.probabilities = {0.5F, 0.5F, std::numeric_limits<float>::quiet_NaN(), 0.7F};
  comparison.add(one, other, std::vector<std::int32_t>{0, 1});
  CHECK(comparison.change().exits_changed == 1);
  CHECK(comparison.change().top1_fp32 == 0.5);
  CHECK(comparison.change().top1_change == 0.5);
  CHECK(comparison.change().largest_probability_difference == doctest::Approx(0.1));
}

TEST_CASE("the static control gives each stage alone") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(30);
  const Evaluation result =
      evaluate(model, devices_of(model), dataset, {.executor = {.max_batch = 16}, .static_control = true});
  const StageProbabilities all =
      label_probabilities(model, testing::test_device(), dataset, all_indices(30), {.max_batch = 7});
  REQUIRE(result.static_stages.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    int correct = 0;
    for (std::size_t i = 0; i < 30; ++i) correct += rank_of(all.row(k, i), dataset.labels()[i]) == 0;
    CHECK(result.static_stages[k].top1 == doctest::Approx(correct / 30.0));
    CHECK(result.static_stages[k].images_per_s > 0);
  }
  CHECK(result.measured_saving);
  CHECK(result.predicted_saving == doctest::Approx(1 - result.mac_fraction));
  if (result.predicted_saving > 0)
    CHECK(result.saving_ratio().value() == doctest::Approx(*result.measured_saving / result.predicted_saving));
}

TEST_CASE("what is saved in time is unknown where the stage that it is compared with does not run") {
  const Model whole = small_model(), first = single_stage(whole, 0);
  const Evaluation result =
      evaluate(first, devices_of(first), small_dataset(8),
               {.executor = {.max_batch = 8}, .static_control = true, .largest_mmac = largest_mmac(whole)});
  CHECK(result.predicted_saving > 0);
  CHECK_FALSE(result.measured_saving);
  CHECK_FALSE(result.saving_ratio());
}

TEST_CASE("label probabilities are those of the precision asked for") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(12);
  const auto alone = [&](const ExecutorSettings& settings) {
    return label_probabilities(model, testing::test_device(), dataset, all_indices(12), settings).values;
  };
  const ExecutorSettings half{.precision = Precision::fp16};
  CHECK(alone(half) != alone({}));
  CHECK(alone(half) ==
        evaluate(model, devices_of(model), dataset, {.executor = half, .static_control = true}).alone.values);
}

TEST_CASE("label probabilities come in the order of the indices and sum to one") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(12);
  const StageProbabilities all = label_probabilities(model, testing::test_device(), dataset, all_indices(12));
  const std::vector<std::int64_t> chosen = {9, 2, 2, 11};
  const StageProbabilities some = label_probabilities(model, testing::test_device(), dataset, chosen, {.max_batch = 3});
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < 7; ++j) {
        sum += some.row(k, i)[j];
        CHECK(std::abs(some.row(k, i)[j] - all.row(k, static_cast<std::size_t>(chosen[i]))[j]) < 1e-5);
      }
      CHECK(sum == doctest::Approx(1));
    }
  }
}

TEST_CASE("label probabilities that are no numbers are refused, naming the stage") {
  Model model = small_model();
  for (float& weight : model.stages[1].parameters.at("dense/weight")) weight = 3e38F;
  const MemoryDataset dataset = small_dataset(3);
  const std::string error =
      error_of<DeviceError>([&] { label_probabilities(model, testing::test_device(), dataset, all_indices(3)); });
  CHECK(contains(error, "stage 1 (resnet-14) gave values that are no probabilities"));
}

TEST_CASE("a dataset of other images or classes is refused by name") {
  const Model model = small_model();
  const auto run = [&](const MemoryDataset& dataset) { evaluate(model, devices_of(model), dataset, {}); };
  CHECK_THROWS_WITH_AS(run(small_dataset(3, 7, {3, 8, 9})), doctest::Contains("[3,8,9]"), FileError);
  CHECK_THROWS_WITH_AS(run(small_dataset(3, 6)), doctest::Contains("6 classes"), FileError);
}

TEST_CASE("top-5 accuracy is unknown with five classes or fewer") {
  AccuracyCount few, many;
  const std::vector<std::int32_t> label = {0};
  few.add(std::vector<float>(5, 0.2F), label);
  many.add(std::vector<float>(6, 1.0F / 6), label);
  CHECK_FALSE(few.top5());
  CHECK(many.top5() == 1.0);
}

TEST_CASE("the time that devices were busy is that of the images counted, without the turn before them") {
  const Model model = small_model();
  const MemoryDataset dataset = small_dataset(30);
  const Evaluation result =
      evaluate(model, devices_of(model), dataset, {.executor = {.max_batch = 30}, .static_control = true});
  REQUIRE(result.pipeline.devices.size() == 1);
  CHECK(result.pipeline.devices[0].busy_seconds > 0);
  CHECK(result.pipeline.devices[0].busy_seconds <= result.seconds);
}

}  // namespace
}  // namespace cascadecl
