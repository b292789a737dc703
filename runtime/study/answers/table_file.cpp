#include "runtime/study/answers/table_file.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "data/files/fnv1a.h"
#include "data/files/hdf5_file.h"

namespace cascadecl {
namespace {

std::string group_of(std::size_t i) { return fmt::format("/tables/{}", i); }

void write_table(Hdf5Writer& file, const std::string& group, const CascadeTable& table) {
  const StageProbabilities& p = table.probabilities;
  const auto k = static_cast<std::int64_t>(p.stages), n = static_cast<std::int64_t>(p.images),
             c = static_cast<std::int64_t>(p.classes);
  file.write<float>(group + "/probabilities", {k, n, c}, p.values);
  file.write<std::int32_t>(group + "/labels", {n}, table.labels);
  file.write<std::int64_t>(group + "/numbers", {n}, table.numbers);
  file.write<double>(group + "/network_mmac", {k}, table.network_mmac);
  for (std::size_t t = 0; t < table.features.size(); ++t)
    file.write<float>(fmt::format("{}/features/{}", group, t),
                      {n, static_cast<std::int64_t>(table.features[t].size()) / n}, table.features[t]);
}

CascadeTable read_table(const Hdf5Reader& file, const std::string& group) {
  const Hdf5Shape shape = file.dataset_info(group + "/probabilities").shape;
  if (shape.size() != 3 || shape[0] < 1 || shape[1] < 1 || shape[2] < 2) file.fail(group, "holds no table");
  CascadeTable table;
  table.probabilities = {static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]),
                         static_cast<std::size_t>(shape[2]), file.read<float>(group + "/probabilities", shape)};
  table.labels = file.read<std::int32_t>(group + "/labels", {shape[1]});
  table.numbers = file.read<std::int64_t>(group + "/numbers", {shape[1]});
  table.network_mmac = file.read<double>(group + "/network_mmac", {shape[0]});
  if (file.has_group(group + "/features")) {
    for (std::int64_t t = 0; t < shape[0]; ++t)
      table.features.push_back(file.read<float>(fmt::format("{}/features/{}", group, t), {shape[1], any_size}));
  }
  for (const std::int32_t label : table.labels)
    if (label < 0 || label >= shape[2]) file.fail(group, "holds a label out of range");
  return table;
}

}  // namespace

std::string fingerprint(const Model& model) {
  Fnv1a hash;
  hash.add_values(model.mean);
  hash.add_values(model.std);
  hash.add_values(model.temperatures);
  for (const Stage& stage : model.stages) {
    hash.add(stage.network.to_json());
    for (const auto& [name, values] : stage.parameters) {
      hash.add(name);
      hash.add_values(values);
    }
  }
  return hash.text();
}

void write_tables(const std::filesystem::path& path, std::string_view key, const std::vector<CascadeTable>& tables) {
  Hdf5Writer file(path);
  file.write_attribute("/", "key", key);
  for (std::size_t i = 0; i < tables.size(); ++i) write_table(file, group_of(i), tables[i]);
  file.commit();
}

std::optional<std::vector<CascadeTable>> read_tables(const std::filesystem::path& path, std::string_view key,
                                                     std::size_t count) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const Hdf5Reader file(path);
    if (file.string_attribute("/", "key") != key || file.children("/tables").size() != count) return std::nullopt;
    std::vector<CascadeTable> tables;
    for (std::size_t i = 0; i < count; ++i) tables.push_back(read_table(file, group_of(i)));
    return tables;
  } catch (const FileError&) {
    return std::nullopt;
  }
}

}  // namespace cascadecl
