#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace cascadecl {

// The images of one class that got one answer.
struct Confusion {
  std::int32_t label = 0, answer = 0;
  std::int64_t images = 0;
};

// Which classes were taken for which: the pairs that occur, right ones too, by label and then by answer. answers and
// labels [N]. Throws ShapeError if their sizes differ.
std::vector<Confusion> confusions(std::span<const int> answers, std::span<const std::int32_t> labels);

// How one class was answered.
struct ClassScore {
  std::int64_t images = 0;                  // of this class
  std::int64_t answered = 0;                // images answered with it
  std::int64_t right = 0;                   // both
  std::optional<double> precision() const;  // share of right ones among `answered`; empty without any
  std::optional<double> recall() const;     // share of right ones among `images`; empty without any
};

// Of each class. Throws UsageError if a label or an answer is none of them.
std::vector<ClassScore> class_scores(std::span<const Confusion> pairs, std::size_t classes);

}  // namespace cascadecl
