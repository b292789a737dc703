#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "data/files/error.h"
#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {
namespace {

struct Entry {
  PolicyKind kind;
  std::string_view name;
  std::optional<double> standard;  // parameter where none is given
  double least, most;              // of the parameter
};

constexpr std::array<Entry, 9> kEntries = {{
    {PolicyKind::learned, "learned", 0.5, 0, 1},
    {PolicyKind::ann, "ann", 0.5, 0, 1},
    {PolicyKind::fixed, "static", std::nullopt, 0, 1e6},
    {PolicyKind::confidence, "confidence", std::nullopt, 0, 1},
    {PolicyKind::margin, "margin", std::nullopt, 0, 1},
    {PolicyKind::entropy, "entropy", std::nullopt, 0, 1e6},
    {PolicyKind::agreement, "agreement", 1, 1, 1e6},
    {PolicyKind::random, "random", std::nullopt, 0, 1},
    {PolicyKind::oracle, "oracle", 1, 1, 1},
}};

constexpr auto kKinds = [] {
  std::array<PolicyKind, kEntries.size()> kinds{};
  std::transform(kEntries.begin(), kEntries.end(), kinds.begin(), [](const Entry& entry) { return entry.kind; });
  return kinds;
}();

const Entry& entry_of(PolicyKind kind) { return *std::ranges::find(kEntries, kind, &Entry::kind); }

double parse_parameter(const Entry& entry, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool fractions = entry.kind != PolicyKind::fixed && entry.kind != PolicyKind::agreement;
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= entry.least && value <= entry.most) ||
      (!fractions && value != std::floor(value)))
    throw UsageError(fmt::format("policy {}: parameter '{}', expected {} in {}..{}", entry.name, text,
                                 fractions ? "a number" : "a whole number", entry.least, entry.most));
  return value;
}

}  // namespace

std::span<const PolicyKind> policy_kinds() { return kKinds; }
std::string_view to_string(PolicyKind kind) { return entry_of(kind).name; }

std::string to_string(const PolicyChoice& choice) {
  return choice.parameter ? fmt::format("{}:{:.6g}", to_string(choice.kind), *choice.parameter)
                          : std::string(to_string(choice.kind));
}

PolicyKind parse_policy_kind(std::string_view name) {
  const auto entry = std::ranges::find(kEntries, name, &Entry::name);
  if (entry != kEntries.end()) return entry->kind;
  std::vector<std::string_view> names;
  for (const Entry& known : kEntries) names.push_back(known.name);
  throw UsageError(fmt::format("policy '{}' is none of {}", name, fmt::join(names, ", ")));
}

PolicyChoice parse_policy_choice(std::string_view text) {
  const std::string_view name = text.substr(0, text.find(':'));
  const Entry* entry = &entry_of(parse_policy_kind(name));
  if (name.size() < text.size()) return {entry->kind, parse_parameter(*entry, text.substr(name.size() + 1))};
  if (!entry->standard && entry->kind != PolicyKind::fixed)
    throw UsageError(fmt::format("policy {}: it needs a parameter, as {}:0.8", name, name));
  return {entry->kind, entry->standard};
}

bool has_threshold(PolicyKind kind) { return kind != PolicyKind::fixed && kind != PolicyKind::oracle; }

std::unique_ptr<StoppingPolicy> make_policy(PolicyKind kind, std::uint64_t seed) {
  switch (kind) {
    case PolicyKind::learned:
    case PolicyKind::ann:
      return make_learned_policy();
    case PolicyKind::fixed:
      return make_static_policy();
    case PolicyKind::confidence:
      return make_confidence_policy();
    case PolicyKind::margin:
      return make_margin_policy();
    case PolicyKind::entropy:
      return make_entropy_policy();
    case PolicyKind::agreement:
      return make_agreement_policy();
    case PolicyKind::random:
      return make_random_policy(seed);
    case PolicyKind::oracle:
      return make_oracle_policy();
  }
  throw UsageError("policy: unknown kind");
}

}  // namespace cascadecl
