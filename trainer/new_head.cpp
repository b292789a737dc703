#include "trainer/new_head.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "data/files/error.h"

namespace cascadecl {
namespace {

Stage with_new_head(const Stage& stage, int classes, std::uint64_t seed) {
  std::vector<Layer> layers = stage.network.layers();
  std::get<layers::Dense>(layers.back().attributes).out_channels = classes;
  Stage tuned{Network(stage.network.name(), stage.network.input_shape(), std::move(layers)), {}};
  tuned.parameters = initial_parameters(tuned.network, seed);
  const std::string head = tuned.network.layers().back().name + "/";
  for (auto& [key, values] : tuned.parameters)
    if (!key.starts_with(head)) values = stage.parameters.at(key);
  return tuned;
}

}  // namespace

Model with_new_head(const Model& model, const DatasetHeader& dataset, std::uint64_t seed) {
  const ImageShape shape{dataset.dims.channels, dataset.dims.height, dataset.dims.width};
  if (shape != model.input)
    throw FileError(fmt::format("dataset {}: its images are {} (channels, rows, columns), the model takes {}",
                                dataset.name, to_string(shape), to_string(model.input)));
  Model tuned{.classes = dataset.classes(), .input = model.input, .label_names = dataset.label_names};
  tuned.mean = dataset.mean;
  tuned.std = dataset.std;
  tuned.color_order = dataset.color_order;
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage)
    tuned.stages.push_back(with_new_head(model.stages[stage], tuned.classes, seed * 1000 + stage));
  tuned.training = model.training;  // which images it has seen
  return tuned;
}

}  // namespace cascadecl
