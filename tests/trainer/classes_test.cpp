#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/dataset_view.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "tests/support/device_test.h"
#include "tests/support/temporary_folder.h"
#include "tests/trainer/short_training.h"
#include "trainer/train.h"

namespace cascadecl {
namespace {

using namespace testing;

// 80 images, of which most are of two classes.
const MemoryDataset& uneven_images() {
  static const MemoryDataset data = [] {
    const MemoryDataset many = generate_in_memory(easy_images(8), 0, 400);
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; chosen.size() < 80; ++i)
      if (i % 10 < 2 || i % 100 < 10) chosen.push_back(i);
    std::vector<std::uint8_t> pixels(chosen.size() * static_cast<std::size_t>(many.header().dims.bytes()));
    many.read(chosen, pixels.data());
    std::vector<std::int32_t> labels;
    for (const std::int64_t i : chosen) labels.push_back(many.labels()[static_cast<std::size_t>(i)]);
    return MemoryDataset(many.header(), pixels, labels);
  }();
  return data;
}
TEST_CASE("class weights reach the training: balanced ones are those of the same numbers given, and resume") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  TrainSettings settings = short_training();
  settings.policy = settings.joint = false;
  Recorder nobody;
  const auto trained = [&](const ClassWeights& weights) {
    settings.class_weights = weights;
    return train(settings, uneven_images(), test_device(), nobody).model;
  };
  const Model none = trained({}), balanced = trained({ClassWeights::Kind::balanced});
  const ValidationSplit split = split_validation(uneven_images().labels(), 0.25, settings.seed);
  std::vector<double> images(10), formula;
  for (const std::int64_t i : split.rest)
    ++images[static_cast<std::size_t>(uneven_images().labels()[static_cast<std::size_t>(i)])];
  for (const double n : images) formula.push_back(static_cast<double>(split.rest.size()) / (10 * n));
  CHECK(none.stages[0].parameters != balanced.stages[0].parameters);
  check_same(balanced, trained({ClassWeights::Kind::given, formula}));
  check_same(none, trained({ClassWeights::Kind::given, std::vector<double>(10, 0.3)}));
  CHECK(nlohmann::json::parse(balanced.training)["settings"]["class_weights"] == "balanced");

  settings.class_weights = {ClassWeights::Kind::given, formula};
  Recorder stopped(4);
  CHECK_FALSE(train(settings, uneven_images(), test_device(), stopped, file).complete);
  check_same(balanced, train(settings, uneven_images(), test_device(), nobody, file, true).model);
  settings.class_weights.given[3] = 9;
  CHECK(contains(error_of<UsageError>([&] { train(settings, uneven_images(), test_device(), nobody, file, true); }),
                 "class_weights ("));
  settings.class_weights.given.pop_back();
  CHECK(contains(error_of<UsageError>([&] { train(settings, uneven_images(), test_device(), nobody); }),
                 "class weights: expected 10"));
}

// The images of images() with another header or other labels.
MemoryDataset with(const DatasetHeader& header, const std::vector<std::int32_t>& labels) {
  std::vector<std::uint8_t> pixels(labels.size() * static_cast<std::size_t>(header.dims.bytes()));
  images().read(all_indices(images().size()), pixels.data());
  return {header, pixels, labels};
}
TEST_CASE("classes in another order and turned colours train to the same bits, from a model and when resumed") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder nobody;
  TrainSettings settings = short_training();
  settings.joint = false;
  const Model whole = run(settings, nobody).model;
  CHECK(whole.color_order == "RGB");
  Recorder stopped(2);
  CHECK_FALSE(run(settings, stopped, file).complete);

  std::vector<std::int32_t> turned_labels(10);
  for (std::int32_t k = 0; k < 10; ++k) turned_labels[static_cast<std::size_t>(k)] = (k + 3) % 10;
  const std::shared_ptr<const Dataset> own(std::shared_ptr<void>(), &images());
  const DatasetView reordered(own, {.new_labels = turned_labels, .turn_channels = true});
  const TrainResult resumed = train(settings, reordered, test_device(), nobody, file, true);
  check_same(resumed.model, whole);
  CHECK(resumed.model.label_names == images().header().label_names);
  CHECK(resumed.model.color_order == "RGB");

  settings.pretrain = false;
  check_same(train(settings, reordered, test_device(), nobody, {}, false, whole).model,
             run(settings, nobody, {}, false, whole).model);
}

TEST_CASE("a checkpoint is not gone on from with other labels, and a model not with other classes") {
  const TemporaryFolder folder;
  const auto file = folder / "checkpoint.h5";
  Recorder stopped(2), nobody;
  CHECK_FALSE(run(short_training(), stopped, file).complete);
  const std::span<const std::int32_t> own = images().labels();
  std::vector<std::int32_t> labels(own.begin(), own.end());
  DatasetHeader header = images().header();
  header.label_names[2] = "unicorn";
  const MemoryDataset other = with(header, labels);
  const Model model = read_checkpoint(file).state.model;
  CHECK(contains(error_of<FileError>([&] { train(short_training(), other, test_device(), nobody, {}, false, model); }),
                 "class 2 is 'unicorn', which is no class of the model"));

  std::swap(labels[0], labels[1]);
  const MemoryDataset relabelled = with(images().header(), labels);
  CHECK(contains(error_of<UsageError>([&] { train(short_training(), relabelled, test_device(), nobody, file, true); }),
                 "labels (\""));
}

TEST_CASE("images of one class alone are refused, and more classes than policies can have if there are to be any") {
  Recorder nobody;
  DatasetHeader header = images().header();
  CHECK(contains(error_of<FileError>([&] {
                   train(short_training(), with(header, std::vector<std::int32_t>(80, 3)), test_device(), nobody);
                 }),
                 "its 80 images are all of class '" + header.label_names[3] + "', expected two classes at least"));
  header.label_names.clear();
  for (int k = 0; k < 1025; ++k) header.label_names.push_back("k" + std::to_string(k));
  const std::span<const std::int32_t> own = images().labels();
  const MemoryDataset many = with(header, {own.begin(), own.end()});
  TrainSettings settings = short_training();
  CHECK(contains(error_of<UsageError>([&] { train(settings, many, test_device(), nobody); }),
                 "it has 1025 classes, policies take 1024 at most"));
  CHECK(nobody.epochs.empty());
  settings.stages = {"resnet-8"};
  settings.epochs = 1;
  CHECK(train(settings, many, test_device(), nobody).complete);
}

}  // namespace
}  // namespace cascadecl
