#include "runtime/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace cascadecl {
namespace {

// Letters to insert, remove, change or exchange with the next one to get from one word to the other (optimal string
// alignment).
std::size_t distance(std::string_view from, std::string_view to) {
  std::vector<std::vector<std::size_t>> steps(from.size() + 1, std::vector<std::size_t>(to.size() + 1));
  for (std::size_t i = 0; i <= from.size(); ++i) {
    for (std::size_t j = 0; j <= to.size(); ++j) {
      if (i == 0 || j == 0) {
        steps[i][j] = i + j;
        continue;
      }
      const std::size_t changed = from[i - 1] == to[j - 1] ? 0 : 1;
      steps[i][j] = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1, steps[i - 1][j - 1] + changed});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
    }
  }
  return steps[from.size()][to.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  constexpr std::size_t longest = 64;  // of a word that somebody may have meant
  const std::string* nearest = nullptr;
  std::size_t least = 0;
  for (const std::string& candidate : known) {
    if (word.size() > longest || candidate.size() > longest) continue;
    const bool begins = word.size() > 2 && candidate.starts_with(word);
    const std::size_t steps = begins ? 1 : distance(word, candidate);
    if (!begins && 3 * steps > std::max(word.size(), candidate.size())) continue;
    if (!nearest || steps < least) {
      nearest = &candidate;
      least = steps;
    }
  }
  return nearest ? fmt::format("; did you mean '{}'?", *nearest) : "";
}

}  // namespace cascadecl
