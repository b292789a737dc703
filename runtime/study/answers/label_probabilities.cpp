#include "runtime/study/answers/label_probabilities.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>

#include "data/files/byte_reader.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "runtime/cascade/stage_runner.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

StageProbabilities label_probabilities(const Model& model, const Device& device, const Dataset& dataset,
                                       std::span<const std::int64_t> indices, const ExecutorSettings& settings,
                                       const std::function<void(std::int64_t done)>& progress) {
  return stage_outputs(model, device, dataset, indices, settings, false, progress).probabilities;
}

StageOutputs stage_outputs(const Model& model, const Device& device, const Dataset& dataset,
                           std::span<const std::int64_t> indices, const ExecutorSettings& settings, bool features,
                           const std::function<void(std::int64_t done)>& progress) {
  check_dataset(model, dataset.header());
  check_model(model);
  const std::size_t stages = model.stages.size(), window = to_size(settings.max_batch);
  Model silent = model;
  silent.policies.clear();
  std::vector<StageRunner> runners;
  for (std::size_t t = 0; t < stages; ++t) runners.emplace_back(device, silent, t, settings, window, features);
  const auto pixels = device.allocate<std::uint8_t>(window * static_cast<std::size_t>(dataset.header().dims.bytes()));

  StageOutputs all{{stages, indices.size(), static_cast<std::size_t>(model.classes), {}}, {}};
  StageProbabilities& p = all.probabilities;
  p.values.resize(p.stages * p.images * p.classes);
  if (features) all.features.resize(stages);
  BatchLoader loader(dataset, {indices.begin(), indices.end()}, {.batch_size = settings.max_batch, .shuffle = false});
  loader.start_epoch(0);
  std::size_t done = 0;
  std::vector<int> slots;
  while (const auto batch = loader.next()) {
    if (progress) progress(static_cast<std::int64_t>(done));
    slots.resize(static_cast<std::size_t>(batch->n));
    std::iota(slots.begin(), slots.end(), 0);
    device.write(pixels, std::span<const std::uint8_t>(batch->images));
    for (std::size_t t = 0; t < stages; ++t) {
      double unused = 0;
      const StageRunner::Outcome outcome = runners[t].run(pixels, slots, {}, unused);
      check_probabilities(outcome, device, model, t);
      std::ranges::copy(outcome.probabilities,
                        p.values.begin() + static_cast<std::ptrdiff_t>((t * p.images + done) * p.classes));
      if (features) all.features[t].insert(all.features[t].end(), outcome.features.begin(), outcome.features.end());
    }
    done += static_cast<std::size_t>(batch->n);
  }
  if (progress) progress(static_cast<std::int64_t>(done));
  return all;
}

namespace {

// The classes may have other names than the model's, but not the same ones in another order.
void check_order_of_classes(const Model& model, const DatasetHeader& dataset) {
  if (model.label_names.size() != dataset.label_names.size()) return;  // the model has none
  std::map<std::string_view, std::size_t> numbers;
  for (std::size_t k = 0; k < model.label_names.size(); ++k) numbers.emplace(model.label_names[k], k);
  for (std::size_t k = 0; k < model.label_names.size(); ++k) {
    const std::string& name = dataset.label_names[k];
    if (name == model.label_names[k]) continue;
    if (const auto other = numbers.find(name); other != numbers.end())
      throw FileError(fmt::format("dataset {}: class {} is '{}', which is class {} of the model; expected '{}'",
                                  printable(dataset.name), k, printable(name), other->second,
                                  printable(model.label_names[k])));
  }
}

}  // namespace

void check_dataset(const Model& model, const DatasetHeader& dataset) {
  const ImageShape shape{dataset.dims.channels, dataset.dims.height, dataset.dims.width};
  if (shape != model.input) {
    throw FileError(fmt::format("dataset {}: its images are {} (channels, rows, columns), the model takes {}",
                                dataset.name, to_string(shape), to_string(model.input)));
  }
  if (dataset.classes() != model.classes) {
    throw FileError(
        fmt::format("dataset {}: it has {} classes, the model has {}", dataset.name, dataset.classes(), model.classes));
  }
  check_order_of_classes(model, dataset);
}

}  // namespace cascadecl
