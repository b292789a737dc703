#include "runtime/cascade/policy_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/files/error.h"
#include "runtime/ops/faults.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

constexpr int padding = 16;     // hidden units; every vector width divides it
constexpr int bias3_size = 16;  // two used; keeps every section aligned

// Calls visit(member of Policy, row o, column i, index in the flat array) for each weight.
// The policy sees `features` of the array's features.
template <class Visit>
void for_each_weight(const PolicySize& size, int features, Visit visit) {
  const int hidden = size.hidden;
  const std::size_t width = to_size(padded_hidden(hidden));
  std::size_t base = 0;
  const auto input_major = [&](auto member, int outputs, int inputs, std::size_t rows) {
    for (int i = 0; i < inputs; ++i)
      for (int o = 0; o < outputs; ++o) {
        visit(member, to_size(o) * to_size(inputs) + to_size(i), base + to_size(i) * width + to_size(o));
      }
    base += rows * width;
  };
  input_major(&Policy::weight1, hidden, size.seen() + features, to_size(size.inputs()));
  input_major(&Policy::bias1, hidden, 1, 1);
  input_major(&Policy::weight2, hidden, hidden, width);
  input_major(&Policy::bias2, hidden, 1, 1);
  for (int o = 0; o < 2; ++o)
    for (int i = 0; i < hidden; ++i)
      visit(&Policy::weight3, to_size(o) * to_size(hidden) + to_size(i), base + to_size(o) * width + to_size(i));
  base += 2 * width;
  for (int o = 0; o < 2; ++o) visit(&Policy::bias3, to_size(o), base + to_size(o));
}

void check_policy_size(const PolicySize& size) {
  if (size.classes < 2 || size.classes > most_policy_classes || size.hidden < 1 || size.hidden > 4096)
    throw ShapeError(fmt::format("policy: {} classes and {} hidden units, expected 2..{} and 1..4096", size.classes,
                                 size.hidden, most_policy_classes));
  if (size.features < 0 || size.features > 4096)
    throw ShapeError(fmt::format("policy: {} features, expected 0..4096", size.features));
}

}  // namespace

int padded_hidden(int hidden) { return (hidden + padding - 1) / padding * padding; }

std::size_t policy_weight_count(const PolicySize& size) {
  const std::size_t width = to_size(padded_hidden(size.hidden));
  return (to_size(size.inputs()) + 1 + width + 1 + 2) * width + bias3_size;
}

std::vector<float> pack_policy(const Policy& policy, int room) {
  const PolicySize size{policy.classes, policy.hidden, std::max(room, policy.features), policy.input};
  check_policy_size(size);
  for (const PolicyArray& array : policy_arrays(policy)) {
    if (array.values->size() != to_size(array.rows) * to_size(array.columns))
      throw ShapeError(fmt::format("policy: {} has {} values, expected {}x{}", array.name, array.values->size(),
                                   array.rows, array.columns));
  }
  std::vector<float> packed(policy_weight_count(size), 0.0f);
  for_each_weight(size, policy.features,
                  [&](auto member, std::size_t from, std::size_t to) { packed[to] = (policy.*member)[from]; });
  return packed;
}

Policy unpack_policy(std::span<const float> packed, const PolicySize& size, int features) {
  check_policy_size(size);
  if (packed.size() != policy_weight_count(size))
    throw ShapeError(
        fmt::format("policy: flat array has {} values, expected {}", packed.size(), policy_weight_count(size)));
  const std::size_t h = to_size(size.hidden);
  Policy policy{.input = size.input, .classes = size.classes, .hidden = size.hidden, .features = features};
  policy.weight1.resize(h * to_size(policy.inputs()));
  policy.bias1.resize(h);
  policy.weight2.resize(h * h);
  policy.bias2.resize(h);
  policy.weight3.resize(2 * h);
  policy.bias3.resize(2);
  for_each_weight(size, features,
                  [&](auto member, std::size_t to, std::size_t from) { (policy.*member)[to] = packed[from]; });
  return policy;
}

std::array<Tunable<PolicyTiling>, 3> PolicyTiling::tunables() {
  return {{{"CB", &PolicyTiling::vector}, {"LANES", &PolicyTiling::lanes}, {"TILE", &PolicyTiling::tile}}};
}

PolicyTiling PolicyTiling::choose(const PolicySize& size, const TuningTarget& target) {
  if (!target.coarse_items) return many_items(target);
  PolicyTiling tiling{.vector = target.block, .lanes = 1, .tile = 1};
  const int vectors = padded_hidden(size.hidden) / tiling.vector;
  while (tiling.tile < 4 && vectors % (2 * tiling.tile) == 0) tiling.tile *= 2;
  return tiling;
}

PolicyTiling PolicyTiling::many_items(const TuningTarget& target) {
  return {.vector = 1, .lanes = static_cast<int>(std::min<std::size_t>(64, target.work_group)), .tile = 1};
}

std::vector<std::vector<int>> PolicyTiling::ranges(const PolicySize&, const TuningTarget& target) {
  if (target.coarse_items) return {{4, 8, 16}, {1}, {1, 2, 4, 8}};
  return {{1, 2, 4}, {16, 32, 64, 128}, {1, 2, 4}};
}

std::string PolicyTiling::fault(const PolicySize& size, const TuningTarget& target) const {
  constexpr int most_lanes = 1024, most_tiles = 16;
  const int most = static_cast<int>(std::min<std::size_t>(target.work_group, most_lanes));
  const std::string range =
      first_of({out_of_range("CB", vector, 1, padding), no_divisor("CB", vector, padding),
                out_of_range("LANES", lanes, 1, most), out_of_range("TILE", tile, 1, most_tiles)});
  return range.empty() ? no_divisor("CB * TILE", vector * tile, padded_hidden(size.hidden)) : range;
}

TuningKey policy_key(const PolicySize& size, int block, BatchClass batch) {
  return {.kernel = std::string(PolicyTiling::kernel),
          .operation = "stop",
          .in_channels = size.inputs(),
          .out_channels = size.hidden,
          .channel_block = block,
          .batch = batch};
}

Defines policy_defines(const PolicyTiling& tiling, const PolicySize& size) {
  return {{"CLASSES", size.classes},   {"SEEN", size.seen()},
          {"FEATURES", size.features}, {"HIDDEN", padded_hidden(size.hidden)},
          {"CB", tiling.vector},       {"LANES", tiling.lanes},
          {"TILE", tiling.tile}};
}

}  // namespace cascadecl
