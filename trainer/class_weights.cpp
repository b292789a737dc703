#include "trainer/class_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <string_view>

#include "data/files/byte_reader.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr double kLargest = 1e6;
constexpr std::uintmax_t kMostBytes = 1 << 20;
constexpr std::string_view kSpace = " \t\r";

bool is_weight(double value) { return value > 0 && value <= kLargest; }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// 0 if the text is no weight.
double parse_weight(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && is_weight(value) ? value : 0;
}

}  // namespace

std::vector<float> class_weights(const ClassWeights& weights, std::span<const std::int32_t> labels,
                                 std::span<const std::int64_t> fit, int classes) {
  if (weights.kind == ClassWeights::Kind::none) return {};
  const auto count = static_cast<std::size_t>(classes);
  if (weights.kind == ClassWeights::Kind::given &&
      (weights.given.size() != count || !std::ranges::all_of(weights.given, is_weight)))
    throw UsageError(fmt::format("class weights: expected {}, each above 0 and at most {:g}", classes, kLargest));
  std::vector<std::int64_t> images(count, 0);
  for (const std::int64_t i : fit) ++images[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])];

  std::vector<double> of_class = weights.given;
  if (weights.kind == ClassWeights::Kind::balanced) {
    of_class.clear();
    for (const std::int64_t n : images) of_class.push_back(n > 0 ? 1 / static_cast<double>(n) : 0);
  }
  double sum = 0;  // over images
  for (std::size_t c = 0; c < count; ++c) sum += of_class[c] * static_cast<double>(images[c]);
  std::vector<float> scaled;
  for (std::size_t c = 0; c < count; ++c)
    scaled.push_back(images[c] > 0 ? static_cast<float>(of_class[c] * static_cast<double>(fit.size()) / sum) : 1.0F);
  return scaled;
}

ClassWeights read_class_weights(const std::filesystem::path& file, std::span<const std::string> names) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error) || std::filesystem::file_size(file, error) > kMostBytes)
    throw FileError(fmt::format("{}: expected a short text file of lines NAME WEIGHT", file.string()));
  std::ifstream in(file, std::ios::binary);
  ClassWeights weights{ClassWeights::Kind::given, std::vector<double>(names.size(), 1.0)};
  std::set<std::string, std::less<>> seen;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const auto fail = [&](const std::string& problem) {
      throw FileError(fmt::format("{}: line {}: {}", file.string(), number, problem));
    };
    const std::string_view text = trimmed(line);
    if (text.empty()) continue;
    const std::size_t gap = text.find_last_of(kSpace);
    if (gap == std::string_view::npos) fail(fmt::format("'{}', expected NAME WEIGHT", printable(text)));
    const std::string_view name = trimmed(text.substr(0, gap)), value = text.substr(gap + 1);
    const double weight = parse_weight(value);
    if (weight == 0)
      fail(fmt::format("weight '{}', expected a number above 0 and at most {:g}", printable(value), kLargest));
    if (!seen.emplace(name).second) fail(fmt::format("class '{}' is given twice", printable(name)));
    bool known = false;
    for (std::size_t c = 0; c < names.size(); ++c) {
      if (trimmed(names[c]) != name) continue;
      weights.given[c] = weight;
      known = true;
    }
    if (!known)
      fail(fmt::format("'{}' is no class of the dataset, expected one like '{}'", printable(name),
                       printable(names.front())));
  }
  if (!in.eof()) throw FileError(fmt::format("{}: cannot be read", file.string()));
  if (seen.empty()) throw FileError(fmt::format("{}: names no class, expected lines NAME WEIGHT", file.string()));
  return weights;
}

}  // namespace cascadecl
