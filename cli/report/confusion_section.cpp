#include "cli/report/confusion_section.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "runtime/study/answers/confusion.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t most_classes = 20;  // of a table
constexpr std::size_t most_listed = 20;

ordered_json counts_json(const std::vector<Confusion>& pairs, std::size_t classes) {
  if (classes > most_classes) return nullptr;
  std::vector<std::vector<std::int64_t>> counts(classes, std::vector<std::int64_t>(classes));
  for (const Confusion& pair : pairs)
    counts[static_cast<std::size_t>(pair.label)][static_cast<std::size_t>(pair.answer)] = pair.images;
  return counts;
}

ordered_json largest_json(std::vector<Confusion> pairs) {
  std::erase_if(pairs, [](const Confusion& pair) { return pair.label == pair.answer; });
  std::ranges::stable_sort(pairs, std::greater(), &Confusion::images);
  pairs.resize(std::min(pairs.size(), most_listed));
  ordered_json list = ordered_json::array();
  for (const Confusion& pair : pairs)
    list.push_back({{"label", pair.label}, {"answer", pair.answer}, {"images", pair.images}});
  return list;
}

}  // namespace

ordered_json confusion_json(std::span<const int> answers, std::span<const std::int32_t> labels, std::size_t classes) {
  const std::vector<Confusion> pairs = confusions(answers, labels);
  ordered_json scores = ordered_json::array();
  for (const ClassScore& score : class_scores(pairs, classes))
    scores.push_back({{"images", score.images},
                      {"precision", number_or_null(score.precision())},
                      {"recall", number_or_null(score.recall())}});
  return {{"classes", scores}, {"counts", counts_json(pairs, classes)}, {"largest", largest_json(pairs)}};
}

}  // namespace cascadecl
