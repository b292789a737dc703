#include "runtime/study/answers/label_probabilities.h"

#include <algorithm>
#include <numeric>

#include "data/loader.h"
#include "runtime/cascade/stage_runner.h"
#include "runtime/ops/launch.h"
#include "runtime/study/answers/dataset_of_model.h"

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

}  // namespace cascadecl
