#include "runtime/cascade/named_arrays.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "data/files/error.h"

namespace cascadecl {
namespace {

Hdf5Shape file_shape(const std::vector<int>& shape) { return Hdf5Shape(shape.begin(), shape.end()); }

std::string path_in(std::string_view group, std::string_view key) { return fmt::format("{}/{}", group, key); }

// What each group below (and including) "" may hold, from the listed keys: {"": {"conv1"}, "conv1": {"weight"}}.
std::map<std::string, std::set<std::string>> listed_children(const ParameterShapes& shapes) {
  std::map<std::string, std::set<std::string>> children;
  children[""];
  for (const auto& [key, shape] : shapes) {
    std::size_t start = 0;
    while (true) {
      const std::size_t end = std::min(key.find('/', start), key.size());
      children[key.substr(0, start == 0 ? 0 : start - 1)].insert(key.substr(start, end - start));
      if (end == key.size()) break;
      start = end + 1;
    }
  }
  return children;
}

void check_nothing_else(const Hdf5Reader& file, std::string_view group, const ParameterShapes& shapes) {
  for (const auto& [parent, listed] : listed_children(shapes)) {
    const std::string path = parent.empty() ? std::string(group) : path_in(group, parent);
    if (!file.has_group(path)) continue;  // reading the arrays says which one is missing
    for (const std::string& child : file.children(path))
      if (!listed.contains(child)) file.fail(path_in(path, child), "does not belong here");
  }
}

void check_finite(const Hdf5Reader& file, const std::string& name, const std::vector<float>& values) {
  const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end())
    file.fail(name, fmt::format("value {} is {}, expected finite ones", bad - values.begin(), *bad));
}

// Weights do not compress. Without filters a damaged or malicious file cannot reach a decompressor, nor claim a size
// that is not there.
void check_plain(const Hdf5Reader& file, const std::string& name) {
  if (!file.dataset_info(name).filters.empty()) file.fail(name, "is compressed, expected plain storage");
}

}  // namespace

void write_arrays(Hdf5Writer& file, std::string_view group, const ParameterShapes& shapes, const Parameters& arrays) {
  file.create_group(group);
  for (const auto& [key, shape] : shapes) {
    const auto found = arrays.find(key);
    std::size_t size = 1;
    for (const int dimension : shape) size *= static_cast<std::size_t>(dimension);
    if (found == arrays.end() || found->second.size() != size)
      throw ShapeError(fmt::format("{}: has {} values to write, expected {}", path_in(group, key),
                                   found == arrays.end() ? 0 : found->second.size(), to_string(file_shape(shape))));
    file.write<float>(path_in(group, key), file_shape(shape), found->second);
  }
}

Parameters read_arrays(const Hdf5Reader& file, std::string_view group, const ParameterShapes& shapes) {
  check_nothing_else(file, group, shapes);
  Parameters arrays;
  for (const auto& [key, shape] : shapes) {
    const std::string name = path_in(group, key);
    check_plain(file, name);
    std::vector<float> values = file.read<float>(name, file_shape(shape));
    check_finite(file, name, values);
    arrays.emplace(key, std::move(values));
  }
  return arrays;
}

}  // namespace cascadecl
