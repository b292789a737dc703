#include "runtime/study/answers/confusion.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "data/files/error.h"

namespace cascadecl {
namespace {

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::vector<Confusion> confusions(std::span<const int> answers, std::span<const std::int32_t> labels) {
  if (answers.size() != labels.size())
    throw ShapeError(fmt::format("confusions: {} answers and {} labels", answers.size(), labels.size()));
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> counts;
  for (std::size_t n = 0; n < labels.size(); ++n) ++counts[{labels[n], answers[n]}];
  std::vector<Confusion> pairs;
  for (const auto& [pair, images] : counts) pairs.push_back({pair.first, pair.second, images});
  return pairs;
}

std::optional<double> ClassScore::precision() const { return share(right, answered); }
std::optional<double> ClassScore::recall() const { return share(right, images); }

std::vector<ClassScore> class_scores(std::span<const Confusion> pairs, std::size_t classes) {
  std::vector<ClassScore> scores(classes);
  const auto of = [&](std::int32_t index) -> ClassScore& {
    if (index < 0 || static_cast<std::size_t>(index) >= classes)
      throw UsageError(fmt::format("class scores: class {} of {}", index, classes));
    return scores[static_cast<std::size_t>(index)];
  };
  for (const Confusion& pair : pairs) {
    of(pair.label).images += pair.images;
    of(pair.answer).answered += pair.images;
    if (pair.label == pair.answer) of(pair.label).right += pair.images;
  }
  return scores;
}

}  // namespace cascadecl
