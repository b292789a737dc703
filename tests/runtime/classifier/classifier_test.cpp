#include "runtime/classifier/classifier.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "data/import/network_image.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"
#include "tests/support/device_test.h"
#include "tests/support/image_files.h"
#include "tests/support/small_cascade.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

using small_cascade::random_images;
using small_cascade::test_model;

// A model whose decision is a threshold under which images of noise leave at every stage.
Model decided_model() {
  Model model = test_model();
  model.label_names = {"a", "b", "c", "d", "e", "f", "g"};
  model.decision = {{PolicyKind::margin, 0.1}, Combine::last};
  return model;
}

TEST_CASE("a classifier obeys the model's decision, and says what the executor says") {
  const Model model = decided_model();
  const std::vector<std::uint8_t> images = random_images(20);
  CascadeExecutor executor(model, open_stage_devices(select_stage_devices("auto", 3, list_devices())), {});
  const CascadeResult expected = executor.classify(images);
  Classifier classifier(model);
  CHECK(classifier.policy() == "margin:0.1");
  CHECK(classifier.devices() == executor.device(0).info().name);
  const std::vector<Classification> answers = classifier.classify(images);
  REQUIRE(answers.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) {
    CAPTURE(i);
    const int label = expected.label(static_cast<std::int64_t>(i));
    CHECK(answers[i].label == label);
    CHECK(answers[i].name == model.label_names[static_cast<std::size_t>(label)]);
    CHECK(answers[i].exit_stage == expected.exit_stage[i]);
    CHECK(answers[i].mmac == doctest::Approx(classifier.model().macs_through(expected.exit_stage[i]) / 1e6));
    for (std::size_t c = 0; c < 7; ++c) CHECK(answers[i].probabilities[c] == expected.answer[i * 7 + c]);
    CHECK(answers[i].probability == answers[i].probabilities[static_cast<std::size_t>(label)]);
    const auto one = std::span(images).subspan(i * small_cascade::image_bytes, small_cascade::image_bytes);
    const Classification alone = classifier.classify(one).front();
    CHECK(alone.label == label);
    CHECK(alone.exit_stage == answers[i].exit_stage);
    CHECK(alone.probability == doctest::Approx(answers[i].probability).epsilon(1e-4));
  }
}

TEST_CASE("files of any size are brought to the model's, alone and together") {
  const TemporaryFolder folder;
  write_model(folder / "model.h5", decided_model());
  testing::write_png(folder / "wide.png", 24, 10, 3, testing::random_pixels(24 * 10 * 3));
  testing::write_jpeg(folder / "small.jpg", 5, 5, testing::random_pixels(5 * 5 * 3));
  Classifier classifier(folder / "model.h5");
  std::vector<std::uint8_t> pixels;
  const std::vector<std::filesystem::path> files = {folder / "wide.png", folder / "small.jpg"};
  for (const auto& file : files) {
    const Image image = read_network_image(file, {3, 8, 8});
    pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
  }
  const std::vector<Classification> expected = classifier.classify(pixels), together = classifier.classify_files(files);
  REQUIRE(together.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(together[i].probabilities == expected[i].probabilities);
    CHECK(classifier.classify_file(files[i]).label == expected[i].label);
    const std::string bytes = read_text(files[i]);
    CHECK(classifier.classify_encoded({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}).label ==
          expected[i].label);
  }
  CHECK_THROWS_WITH_AS(classifier.classify_file(folder / "none.png"), doctest::Contains("none.png"), FileError);
}

TEST_CASE("a policy or a target takes the place of the decision, and not both") {
  const Model model = decided_model();
  const std::vector<std::uint8_t> images = random_images(12);
  Classifier first(model, {.policy = parse_policy_choice("static:0")});
  for (const Classification& answer : first.classify(images)) {
    CHECK(answer.exit_stage == 0);
    CHECK(answer.mmac == doctest::Approx(static_cast<double>(model.stages[0].network.macs()) / 1e6));
  }
  CHECK_THROWS_AS(Classifier(model, {.target = target_mac(1), .policy = parse_policy_choice("static:0")}), UsageError);
  CHECK_THROWS_AS(Classifier(model, {.target = target_mac(0.5)}), Error);  // it has no frontier
  CHECK_THROWS_AS(first.classify(std::vector<std::uint8_t>(5)), ShapeError);
  CHECK(first.classify({}).empty());
}

TEST_CASE("a target moves along the model's frontier, by multiply-adds and by measured time") {
  Model model = decided_model();
  model.frontier = {.images = 100,
                    .stage_top1 = {0.5, 0.6, 0.7},
                    .points = {{.policy = parse_policy_choice("static:0"), .top1 = 0.5, .exits = {1, 0, 0}},
                               {.policy = parse_policy_choice("static:2"), .top1 = 0.7, .exits = {0, 0, 1}}}};
  const auto stage_with = [&](const UnitGoal& target) {
    const Classifier classifier(model, {.target = target});
    CHECK(classifier.model().stages.size() == 1);
    return classifier.model().stages.front().network.name();
  };
  CHECK(stage_with(target_mac(1.01 * relative_macs(model).stages[0])) == "resnet-8");
  CHECK(stage_with(target_mac(100)) == "resnet-14");
  CHECK(stage_with(target_drop(30)) == "resnet-8");
  CHECK(stage_with(target_drop(0)) == "resnet-14");
  CHECK(stage_with(target_ms(1e6)) == "resnet-14");
  CHECK_THROWS_WITH_AS(Classifier(model, {.target = target_ms(1e-9)}), doctest::Contains("ms an image"), Error);
}

}  // namespace
}  // namespace cascadecl
