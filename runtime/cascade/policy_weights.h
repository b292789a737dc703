#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/ops/tunables.h"

namespace cascadecl {

inline constexpr int most_policy_classes = 1024;

// The layout of a policy on a device, the same for every device: one flat array, weights input-major, hidden units
// padded to a multiple of 16 with zeros (kernels/policy_mlp.h).
int padded_hidden(int hidden);
struct PolicySize {
  int classes = 10, hidden = 64;
  int features = 0;  // for which the flat array has room
  PolicyInput input = PolicyInput::sorted;
  int seen() const { return probabilities_seen(input, classes); }
  int inputs() const { return seen() + features; }
};
std::size_t policy_weight_count(const PolicySize& size);

// The flat array of a policy, with room for `room` features if that is more than its own; features that it does not
// read have weight 0. Throws ShapeError, naming the array, if an array does not have the size that follows from
// classes, features and hidden, or if classes (2..most_policy_classes), features (0..4096) or hidden (1..4096) is out
// of range.
std::vector<float> pack_policy(const Policy& policy, int room = 0);

// The policy that a flat array of policy_weight_count() floats holds. It has this number of features, at most
// size.features.
Policy unpack_policy(std::span<const float> packed, const PolicySize& size, int features = 0);

// kernels/policy_mlp.h: how a policy kernel splits an image among the work-items of a group. CPUs take one item with
// wide vectors, other devices many items with one hidden unit each.
struct PolicyTiling {
  int vector = 16, lanes = 1, tile = 1;
  static constexpr std::string_view kernel = "policy";
  static std::array<Tunable<PolicyTiling>, 3> tunables();
  static PolicyTiling choose(const PolicySize& size, const TuningTarget& target);
  static PolicyTiling many_items(const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const PolicySize& size, const TuningTarget& target);
  std::string fault(const PolicySize& size, const TuningTarget& target) const;
};
TuningKey policy_key(const PolicySize& size, int block, BatchClass batch);

// CLASSES, SEEN, FEATURES, HIDDEN, CB, LANES, TILE.
Defines policy_defines(const PolicyTiling& tiling, const PolicySize& size);

}  // namespace cascadecl
