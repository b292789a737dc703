#include "cli/report/examples.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "cli/output.h"
#include "cli/report/png_data_uri.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t right_examples = 3, wrong_examples = 1, shown_classes = 4;

ordered_json distribution_json(std::span<const float> row, std::size_t label) {
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
  const std::size_t shown = std::min(shown_classes, order.size());
  if (std::find(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), label) ==
      order.begin() + static_cast<std::ptrdiff_t>(shown)) {
    order[shown - 1] = label;
  }
  ordered_json top = ordered_json::array();
  double rest = 1;
  for (std::size_t i = 0; i < shown; ++i) {
    const auto probability = static_cast<double>(row[order[i]]);
    top.push_back({order[i], probability});
    rest -= probability;
  }
  return {{"top", top}, {"rest", std::max(rest, 0.0)}};
}

ordered_json example_json(const ModelRun& run, const Dataset& dataset, std::size_t image) {
  const auto label = static_cast<std::size_t>(dataset.labels()[image]);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(dataset.header().dims.bytes()));
  const std::vector<std::int64_t> index{static_cast<std::int64_t>(image)};
  dataset.read(index, pixels.data());
  ordered_json stages = ordered_json::array();
  for (std::size_t k = 0; k <= static_cast<std::size_t>(run.exits[image]); ++k) {
    ordered_json stage = distribution_json(run.probabilities.row(k, image), label);
    stage["stop_probability"] = number_or_null(run.stop_probability[k * run.exits.size() + image]);
    stages.push_back(stage);
  }
  return {{"image", image},
          {"png", png_data_uri(dataset.header().dims, dataset.header().color_order, pixels)},
          {"label", label},
          {"answer", run.answers[image]},
          {"stages", stages}};
}

}  // namespace

std::vector<std::size_t> example_images(std::span<const int> exits, std::span<const int> answers,
                                        std::span<const std::int32_t> labels, int exit, std::size_t right,
                                        std::size_t wrong) {
  std::vector<std::size_t> first_of_class, others, mistakes;
  std::set<std::int32_t> seen;
  for (std::size_t n = 0; n < exits.size(); ++n) {
    if (exits[n] != exit) continue;
    if (answers[n] != labels[n]) {
      if (mistakes.size() < wrong) mistakes.push_back(n);
    } else if (first_of_class.size() < right && seen.insert(labels[n]).second) {
      first_of_class.push_back(n);
    } else if (others.size() < right) {
      others.push_back(n);
    }
  }
  std::vector<std::size_t> chosen = first_of_class;
  const std::size_t missing = std::min(right - first_of_class.size(), others.size());
  chosen.insert(chosen.end(), others.begin(), others.begin() + static_cast<std::ptrdiff_t>(missing));
  std::sort(chosen.begin(), chosen.end());
  chosen.insert(chosen.end(), mistakes.begin(), mistakes.end());
  return chosen;
}

ordered_json examples_json(const ModelRun& run, const Dataset& dataset) {
  ordered_json exits = ordered_json::array();
  for (std::size_t k = 0; k < run.probabilities.stages; ++k) {
    ordered_json list = ordered_json::array();
    for (const std::size_t image : example_images(run.exits, run.answers, dataset.labels(), static_cast<int>(k),
                                                  right_examples, wrong_examples)) {
      list.push_back(example_json(run, dataset, image));
    }
    exits.push_back(list);
  }
  return exits;
}

}  // namespace cascadecl
