#include "runtime/cascade/stop_rule.h"

#include <fmt/format.h>

#include <charconv>

#include "data/files/error.h"
#include "data/files/random.h"

namespace cascadecl {

float StopRule::limit(std::uint64_t image, std::size_t stage) const {
  switch (kind) {
    case Kind::argmax:
      return 0.5F;
    case Kind::threshold:
      return static_cast<float>(threshold);
    case Kind::sample:
      break;
  }
  // Multiples of 2^-24 in (0, 1]: pi = 0 never stops, pi = 1 always does.
  const std::uint64_t counter = static_cast<std::uint64_t>(RandomPurpose::stop_rule) << 48 | stage;
  return static_cast<float>((philox(seed, image, counter)[0] >> 8) + 1) * 0x1p-24F;
}

StopRule parse_stop_rule(std::string_view text) {
  if (text == "argmax") return {.kind = StopRule::Kind::argmax};
  if (text == "sample") return {.kind = StopRule::Kind::sample};
  constexpr std::string_view word = "threshold";
  if (text == word) throw UsageError("threshold needs a number in 0..1");
  if (text.starts_with(word) && text[word.size()] == ' ') {
    const std::string_view number = text.substr(word.size() + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size() || !(value >= 0 && value <= 1)) {
      throw UsageError(fmt::format("threshold '{}' is not a number in 0..1", number));
    }
    return {.kind = StopRule::Kind::threshold, .threshold = value};
  }
  throw UsageError(fmt::format("'{}' is none of argmax, sample, threshold T", text));
}

std::string to_string(const StopRule& rule) {
  switch (rule.kind) {
    case StopRule::Kind::argmax:
      return "argmax";
    case StopRule::Kind::sample:
      return "sample";
    case StopRule::Kind::threshold:
      break;
  }
  return fmt::format("threshold {}", rule.threshold);
}

}  // namespace cascadecl
