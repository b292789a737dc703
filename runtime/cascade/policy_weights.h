#pragma once
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/model.h"
#include "runtime/tuning/tunables.h"

namespace cascadecl {

// How the policy kernels keep a policy on a device: one flat array, weights input-major, hidden units padded to a
// multiple of 16 with zeros (kernels/policy_mlp.h). The same on every device.
int padded_hidden(int hidden);
std::size_t policy_weight_count(int classes, int hidden);

// The flat array of a policy. Throws ShapeError naming the array that has not the size that classes and hidden ask for,
// or if classes (2..1024) or hidden (1..4096) is out of range.
std::vector<float> pack_policy(const Policy& policy);

// The policy in a flat array of policy_weight_count(classes, hidden) floats.
Policy unpack_policy(std::span<const float> packed, PolicyInput input, int classes, int hidden);

struct PolicySize {
  int classes = 10, hidden = 64;
};

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

// CLASSES, HIDDEN, CB, LANES, TILE.
Defines policy_defines(const PolicyTiling& tiling, int classes, int hidden);

}  // namespace cascadecl
