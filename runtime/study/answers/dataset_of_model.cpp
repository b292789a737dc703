#include "runtime/study/answers/dataset_of_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "data/files/byte_reader.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

using Names = std::vector<std::string>;

// The text before a name's last digits, and their number.
struct NumberedName {
  std::string_view text;
  std::optional<std::size_t> number;
};

NumberedName split_number(std::string_view name) {
  const std::size_t begin = name.find_last_not_of("0123456789") + 1;  // npos + 1 is 0
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data() + begin, name.data() + name.size(), number);
  if (begin == name.size() || error != std::errc{}) return {name, {}};
  return {name.substr(0, begin), number};
}

// "0", "1", ... or "class 1", "class 2", ...: names that tell no more than numbers.
bool are_numbers(const Names& names) {
  const NumberedName first = split_number(names.front());
  if (!first.number || *first.number > 1) return false;
  for (std::size_t k = 0; k < names.size(); ++k) {
    const NumberedName name = split_number(names[k]);
    if (name.text != first.text || name.number != *first.number + k) return false;
  }
  return true;
}

[[noreturn]] void fail_at_first_difference(const Names& model, const DatasetHeader& dataset) {
  for (std::size_t k = 0; k < model.size(); ++k)
    if (const std::string& name = dataset.label_names[k]; std::ranges::find(model, name) == model.end())
      throw FileError(
          fmt::format("dataset {}: its class {} is '{}', which is no class of the model; the model's is '{}'",
                      printable(dataset.name), k, printable(name), printable(model[k])));
  throw FileError(
      fmt::format("dataset {}: several of its classes have one name, in another order than the model's; expected "
                  "a name for each",
                  printable(dataset.name)));
}

std::vector<std::int32_t> labels_in(const Names& model, const DatasetHeader& dataset) {
  const Names& names = dataset.label_names;
  if (model.empty() || names == model) return {};
  std::map<std::string_view, std::int32_t> numbers;
  for (std::size_t k = 0; k < model.size(); ++k) numbers.emplace(model[k], static_cast<std::int32_t>(k));
  std::map<std::string_view, std::int32_t> found;
  for (const std::string& name : names)
    if (const auto number = numbers.find(name); number != numbers.end()) found.insert(*number);
  if (found.size() != names.size()) {
    if (are_numbers(model) || are_numbers(names)) return {};
    fail_at_first_difference(model, dataset);
  }
  std::vector<std::int32_t> labels;
  for (const std::string& name : names) labels.push_back(numbers.at(name));
  return labels;
}

bool must_turn(const Model& model, const DatasetHeader& dataset) {
  const std::string known = color_order(model);
  const std::string& given = dataset.color_order;
  if (given == known) return false;
  if ((given == "BGR" && known == "RGB") || (given == "RGB" && known == "BGR")) return true;
  if (model.color_order.empty()) return false;  // nobody said
  throw FileError(
      fmt::format("dataset {}: the colours of its images are '{}', expected '{}' as the model was trained on",
                  printable(dataset.name), given, known));
}

}  // namespace

DatasetChange change_for(const Model& model, const DatasetHeader& dataset) {
  const ImageShape shape{dataset.dims.channels, dataset.dims.height, dataset.dims.width};
  if (shape != model.input) {
    throw FileError(fmt::format("dataset {}: its images are {} (channels, rows, columns), the model takes {}",
                                dataset.name, to_string(shape), to_string(model.input)));
  }
  if (dataset.classes() != model.classes) {
    throw FileError(
        fmt::format("dataset {}: it has {} classes, the model has {}", dataset.name, dataset.classes(), model.classes));
  }
  return {labels_in(model.label_names, dataset), must_turn(model, dataset)};
}

void check_dataset(const Model& model, const DatasetHeader& dataset) {
  const DatasetChange change = change_for(model, dataset);
  for (std::size_t k = 0; k < change.new_labels.size(); ++k)
    if (const auto other = static_cast<std::size_t>(change.new_labels[k]); other != k)
      throw FileError(fmt::format("dataset {}: class {} is '{}', which is class {} of the model; expected '{}'",
                                  printable(dataset.name), k, printable(dataset.label_names[k]), other,
                                  printable(model.label_names[k])));
  if (change.turn_channels)
    throw FileError(fmt::format("dataset {}: its images are in {}, the model takes {}", printable(dataset.name),
                                dataset.color_order, color_order(model)));
}

DatasetOfModel dataset_of_model(const Model& model, std::shared_ptr<const Dataset> dataset) {
  DatasetChange change = change_for(model, dataset->header());
  if (change.empty()) return {std::move(dataset), {}};
  const DatasetHeader& header = dataset->header();
  std::vector<std::string> notes;
  const auto moved = [&](std::size_t k) { return static_cast<std::size_t>(change.new_labels[k]) != k; };
  for (std::size_t k = 0; k < change.new_labels.size() && notes.empty(); ++k)
    if (moved(k))
      notes.push_back(fmt::format(
          "dataset {}: classes are matched by name: the model numbers them in another order, '{}' is {} there, not {}",
          printable(header.name), printable(header.label_names[k]), change.new_labels[k], k));
  if (change.turn_channels)
    notes.push_back(fmt::format("dataset {}: its images are in {} and are turned for the model, which takes {}",
                                printable(header.name), header.color_order, color_order(model)));
  return {std::make_shared<DatasetView>(std::move(dataset), std::move(change)), std::move(notes)};
}

}  // namespace cascadecl
