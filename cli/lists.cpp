#include "cli/lists.h"

#include <fmt/format.h>

#include <charconv>

#include "data/files/error.h"

namespace cascadecl {

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  if (text.empty()) return words;
  words.emplace_back();
  for (const char c : text) {
    if (c == ',') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::vector<double> parse_numbers(std::string_view flag, std::string_view text, double least, double most) {
  std::vector<double> numbers;
  for (const std::string& word : split_words(text)) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size() || !(value >= least && value <= most))
      throw UsageError(fmt::format("--{}: '{}', expected numbers in {}..{} with commas", flag, word, least, most));
    numbers.push_back(value);
  }
  return numbers;
}

}  // namespace cascadecl
