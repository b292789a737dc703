#include "runtime/cascade/policy_op.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

PolicyTiling tiling_of(const Device& device, const Policy& policy, int max_batch) {
  const PolicySize size{policy.classes, policy.hidden, policy.features};
  return tuned<PolicyTiling>(device, policy_key(size, device.channel_block(), batch_class(max_batch)), size).parameters;
}

}  // namespace

PolicyOp::PolicyOp(const Device& device, const Policy& policy, int max_batch)
    : PolicyOp(device, policy, max_batch, tiling_of(device, policy, max_batch)) {}

PolicyOp::PolicyOp(const Device& device, const Policy& policy, int max_batch, const PolicyTiling& tiling)
    : classes_(policy.classes),
      features_(policy.features),
      max_batch_(max_batch),
      lanes_(to_size(tiling.lanes)),
      weights_(device.upload(pack_policy(policy))) {
  Defines defines = policy_defines(tiling, {policy.classes, policy.hidden, policy.features});
  defines.set("SORTED", policy.input == PolicyInput::sorted || policy.input == PolicyInput::features ? 1 : 0);
  kernel_ = device.kernel("policy.cl", "policy_stop", defines);
}

void PolicyOp::run(int n, const Array<float>& probabilities, const Array<float>& features,
                   const Array<float>& stop_probability) {
  if (n < 0 || n > max_batch_)
    throw ShapeError(fmt::format("policy: {} images, expected 0..{} (the largest batch)", n, max_batch_));
  if (probabilities.size() < to_size(n) * to_size(classes_) || stop_probability.size() < to_size(n))
    throw ShapeError(fmt::format("policy: arrays of {} and {} floats for {} images of {} classes", probabilities.size(),
                                 stop_probability.size(), n, classes_));
  if (features.size() < to_size(n) * to_size(features_))
    throw ShapeError(
        fmt::format("policy: {} values for {} features of each of {} images", features.size(), features_, n));
  kernel_({to_size(n) * lanes_}, {lanes_}, probabilities, features, weights_, stop_probability);
}

}  // namespace cascadecl
