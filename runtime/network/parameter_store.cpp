#include "runtime/network/parameter_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::size_t element_count(const std::vector<int>& shape) {
  std::size_t count = 1;
  for (int d : shape) count *= static_cast<std::size_t>(d);
  return count;
}

std::size_t aligned(std::size_t size, const Device& device) {
  const std::size_t step = device.slice_step<float>();
  return (size + step - 1) / step * step;
}

}  // namespace

ParameterStore::ParameterStore(const Device& device, const Network& network, const Parameters& parameters)
    : device_(device), network_(network) {
  const ParameterShapes learning = trained_parameter_shapes(network);
  std::size_t trained = 0, statistics = 0;
  for (const auto& [key, shape] : parameter_shapes(network)) {
    std::size_t& end = learning.contains(key) ? trained : statistics;
    places_[key] = {learning.contains(key), end, element_count(shape)};
    end += aligned(element_count(shape), device);
  }
  trained_ = device.allocate<float>(trained);
  statistics_ = device.allocate<float>(statistics);
  device.fill(trained_, 0.0f);
  device.fill(statistics_, 0.0f);
  for (const auto& [key, place] : places_) {
    slices_[key] = device.slice(place.trained ? trained_ : statistics_, place.offset, place.size);
  }
  upload(parameters);
}

ParameterStore::Range ParameterStore::last_layer() const {
  const std::string prefix = network_.layers().back().name + "/";  // of neighbours in the order of keys
  Range range{trained_.size(), 0};
  for (auto place = places_.lower_bound(prefix); place != places_.end() && place->first.starts_with(prefix); ++place) {
    range.begin = std::min(range.begin, place->second.offset);
    range.end = std::max(range.end, place->second.offset + aligned(place->second.size, device_));
  }
  return range;
}

Array<float> ParameterStore::make_companion() const {
  Array<float> companion = device_.allocate<float>(trained_.size());
  device_.fill(companion, 0.0f);
  return companion;
}

std::map<std::string, Array<float>, std::less<>> ParameterStore::companion_slices(const Array<float>& companion) const {
  std::map<std::string, Array<float>, std::less<>> slices;
  for (const auto& [key, place] : places_) {
    if (place.trained) slices[key] = device_.slice(companion, place.offset, place.size);
  }
  return slices;
}

Parameters ParameterStore::download() const {
  Parameters all;
  for (const auto& [key, slice] : slices_) all[key] = device_.read(slice);
  return all;
}

Parameters ParameterStore::download(const Array<float>& companion) const {
  Parameters all;
  for (const auto& [key, place] : places_) {
    if (place.trained) all[key] = device_.read(companion, place.size, place.offset);
  }
  return all;
}

void ParameterStore::upload(const Parameters& parameters) {
  check_parameters(network_, parameters);
  for (const auto& [key, slice] : slices_) device_.write(slice, std::span<const float>(parameters.find(key)->second));
}

void ParameterStore::upload(const Array<float>& companion, const Parameters& values) const {
  for (const auto& [key, place] : places_) {
    if (!place.trained) continue;
    const auto found = values.find(key);
    if (found == values.end() || found->second.size() != place.size) {
      throw ShapeError(fmt::format("{}: expected {} values", key, place.size));
    }
    device_.write(companion, std::span<const float>(found->second), place.offset);
  }
}

}  // namespace cascadecl
