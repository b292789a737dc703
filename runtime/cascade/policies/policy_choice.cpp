#include "runtime/cascade/policies/policy_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "data/files/error.h"
#include "runtime/suggestion.h"

namespace cascadecl {
namespace {

enum class Parameter { needed, optional, none };

struct Entry {
  PolicyKind kind;
  std::string_view name;
  Parameter takes = Parameter::none;
  double least = 0, most = 0;           // of the parameter
  std::optional<double> standard = {};  // parameter where none is given
};

constexpr std::array<Entry, 13> kEntries = {{
    {PolicyKind::learned, "learned", Parameter::optional, 0, 1, 0.5},
    {PolicyKind::ann, "ann", Parameter::optional, 0, 1, 0.5},
    {PolicyKind::sample, "sample", Parameter::none},
    {PolicyKind::fixed, "static", Parameter::optional, 0, 1e6},
    {PolicyKind::confidence, "confidence", Parameter::needed, 0, 1},
    {PolicyKind::margin, "margin", Parameter::needed, 0, 1},
    {PolicyKind::entropy, "entropy", Parameter::needed, 0, 1e6},
    {PolicyKind::combined_confidence, "combined-confidence", Parameter::needed, 0, 1},
    {PolicyKind::combined_margin, "combined-margin", Parameter::needed, 0, 1},
    {PolicyKind::combined_entropy, "combined-entropy", Parameter::needed, 0, 1e6},
    {PolicyKind::agreement, "agreement", Parameter::optional, 1, 1e6, 1},
    {PolicyKind::random, "random", Parameter::needed, 0, 1},
    {PolicyKind::oracle, "oracle", Parameter::optional, 1, 1, 1},
}};

constexpr auto kKinds = [] {
  std::array<PolicyKind, kEntries.size()> kinds{};
  std::transform(kEntries.begin(), kEntries.end(), kinds.begin(), [](const Entry& entry) { return entry.kind; });
  return kinds;
}();

const Entry& entry_of(PolicyKind kind) { return *std::ranges::find(kEntries, kind, &Entry::kind); }

double parse_parameter(const Entry& entry, std::string_view text) {
  if (entry.takes == Parameter::none) throw UsageError(fmt::format("policy {}: it takes no parameter", entry.name));
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fractions = entry.kind != PolicyKind::fixed && entry.kind != PolicyKind::agreement;
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= entry.least && value <= entry.most) ||
      (!fractions && value != std::floor(value)))
    throw UsageError(fmt::format("policy {}: parameter '{}', expected {} in {}..{}", entry.name, text,
                                 fractions ? "a number" : "a whole number", entry.least, entry.most));
  return value;
}

std::optional<double> default_parameter(const Entry& entry) {
  if (entry.takes == Parameter::needed)
    throw UsageError(fmt::format("policy {}: it needs a parameter, as {}:0.8", entry.name, entry.name));
  return entry.standard;
}

}  // namespace

std::span<const PolicyKind> policy_kinds() { return kKinds; }
std::string_view to_string(PolicyKind kind) { return entry_of(kind).name; }

std::string to_string(const PolicyChoice& choice) {
  return choice.parameter ? fmt::format("{}:{}", to_string(choice.kind), *choice.parameter)
                          : std::string(to_string(choice.kind));
}

PolicyKind parse_policy_kind(std::string_view name) {
  const auto entry = std::ranges::find(kEntries, name, &Entry::name);
  if (entry != kEntries.end()) return entry->kind;
  std::vector<std::string> names;
  for (const Entry& known : kEntries) names.emplace_back(known.name);
  throw UsageError(fmt::format("policy '{}' is none of {}{}", name, fmt::join(names, ", "), did_you_mean(name, names)));
}

PolicyChoice parse_policy_choice(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  const Entry& entry = entry_of(parse_policy_kind(name));
  if (name.size() < text.size()) return {entry.kind, parse_parameter(entry, text.substr(name.size() + 1))};
  return {entry.kind, default_parameter(entry)};
}

bool has_threshold(PolicyKind kind) {
  return kind != PolicyKind::sample && kind != PolicyKind::fixed && kind != PolicyKind::oracle;
}

bool asks_model(PolicyKind kind) {
  return kind == PolicyKind::learned || kind == PolicyKind::ann || kind == PolicyKind::sample;
}

bool scores_combined(PolicyKind kind) {
  return kind == PolicyKind::combined_confidence || kind == PolicyKind::combined_margin ||
         kind == PolicyKind::combined_entropy;
}

std::unique_ptr<StoppingScore> make_score(PolicyKind kind, const ScoreContext& context) {
  if (scores_combined(kind) && context.combination.empty())
    throw UsageError(
        fmt::format("policy {}: the model holds no weights that combine answers; cascadecl calibrate "
                    "fits them",
                    to_string(kind)));
  switch (kind) {
    case PolicyKind::learned:
    case PolicyKind::ann:
      return make_learned_score();
    case PolicyKind::sample:
      return make_sample_score(context.seed);
    case PolicyKind::fixed:
      return make_static_score();
    case PolicyKind::confidence:
      return make_confidence_score();
    case PolicyKind::margin:
      return make_margin_score();
    case PolicyKind::entropy:
      return make_entropy_score();
    case PolicyKind::combined_confidence:
      return make_combined_score(make_confidence_score(), context.combination);
    case PolicyKind::combined_margin:
      return make_combined_score(make_margin_score(), context.combination);
    case PolicyKind::combined_entropy:
      return make_combined_score(make_entropy_score(), context.combination);
    case PolicyKind::agreement:
      return make_agreement_score();
    case PolicyKind::random:
      return make_random_score(context.seed);
    case PolicyKind::oracle:
      return make_oracle_score();
  }
  throw UsageError("policy: unknown kind");
}

StoppingPolicy make_policy(const PolicyChoice& choice, const ScoreContext& context) {
  StoppingPolicy policy{.score = make_score(choice.kind, context), .asks_model = asks_model(choice.kind)};
  const Entry& entry = entry_of(choice.kind);
  if (choice.parameter && entry.takes == Parameter::none)
    throw UsageError(fmt::format("policy {}: it takes no parameter", entry.name));
  const std::optional<double> parameter = choice.parameter ? choice.parameter : default_parameter(entry);
  if (parameter) policy.limit = policy.score->limit_of(*parameter);
  if (choice.kind == PolicyKind::fixed && !parameter) policy.limit = std::numeric_limits<double>::infinity();
  return policy;
}

}  // namespace cascadecl
