#include "runtime/cascade/policy_op.h"

#include <fmt/format.h>

#include "data/files/error.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

PolicyTiling tiling_of(const Device& device, const Policy& policy, int max_batch) {
  const PolicySize size{policy.classes, policy.hidden, policy.features, policy.input};
  return tuned<PolicyTiling>(device, policy_key(size, device.channel_block(), batch_class(max_batch)), size).parameters;
}

}  // namespace

PolicyOp::PolicyOp(const Device& device, const Policy& policy, int max_batch, double own_weight)
    : PolicyOp(device, policy, max_batch, own_weight, tiling_of(device, policy, max_batch)) {}

PolicyOp::PolicyOp(const Device& device, const Policy& policy, int max_batch, double own_weight,
                   const PolicyTiling& tiling)
    : classes_(policy.classes),
      features_(policy.features),
      max_batch_(max_batch),
      combined_(policy.input == PolicyInput::combined),
      own_weight_(static_cast<float>(own_weight)),
      lanes_(to_size(tiling.lanes)),
      weights_(device.upload(pack_policy(policy))) {
  Defines defines = policy_defines(tiling, {policy.classes, policy.hidden, policy.features, policy.input});
  defines.set("INPUT", combined_ ? 2 : sorts(policy.input) ? 1 : 0);
  kernel_ = device.kernel("policy.cl", "policy_stop", defines);
}

void PolicyOp::run(int n, const Input& input, const Array<float>& stop_probability) {
  const auto& [probabilities, features, earlier] = input;
  if (n < 0 || n > max_batch_)
    throw ShapeError(fmt::format("policy: {} images, expected 0..{} (the largest batch)", n, max_batch_));
  if (probabilities.size() < to_size(n) * to_size(classes_) || stop_probability.size() < to_size(n))
    throw ShapeError(fmt::format("policy: arrays of {} and {} floats for {} images of {} classes", probabilities.size(),
                                 stop_probability.size(), n, classes_));
  if (features.size() < to_size(n) * to_size(features_))
    throw ShapeError(
        fmt::format("policy: {} values for {} features of each of {} images", features.size(), features_, n));
  if (combined_ && earlier.size() < to_size(n) * to_size(classes_))
    throw ShapeError(
        fmt::format("policy: {} values of earlier stages for {} images of {} classes", earlier.size(), n, classes_));
  kernel_({to_size(n) * lanes_}, {lanes_}, probabilities, features, weights_, earlier, own_weight_, stop_probability);
}

}  // namespace cascadecl
