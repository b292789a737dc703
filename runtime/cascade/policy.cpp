#include "runtime/cascade/policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/files/error.h"

namespace cascadecl {

const std::vector<PolicyInput>& policy_inputs() {
  static const std::vector<PolicyInput> all = {PolicyInput::raw, PolicyInput::sorted, PolicyInput::permuted,
                                               PolicyInput::features, PolicyInput::combined};
  return all;
}

int probabilities_seen(PolicyInput input, int classes) {
  constexpr int kLargest = 16;
  return input == PolicyInput::combined ? std::min(classes, kLargest) : classes;
}

bool sorts(PolicyInput input) {
  return input == PolicyInput::sorted || input == PolicyInput::features || input == PolicyInput::combined;
}

bool sees_combined(const std::vector<Policy>& policies) {
  return std::ranges::any_of(policies, [](const Policy& p) { return p.input == PolicyInput::combined; });
}

bool sees_features(const std::vector<Policy>& policies) {
  return std::ranges::any_of(policies, [](const Policy& p) { return p.input == PolicyInput::features; });
}

int default_hidden(int classes) { return classes >= 1000 ? 256 : 64; }

std::string_view to_string(PolicyInput input) {
  switch (input) {
    case PolicyInput::raw:
      return "raw";
    case PolicyInput::sorted:
      return "sorted";
    case PolicyInput::permuted:
      return "permuted";
    case PolicyInput::features:
      return "features";
    case PolicyInput::combined:
      return "combined";
  }
  return "unknown";
}

PolicyInput parse_policy_input(std::string_view text) {
  for (const PolicyInput input : policy_inputs())
    if (text == to_string(input)) return input;
  throw UsageError(fmt::format("policy input '{}': expected raw, sorted, permuted, features or combined", text));
}

std::vector<PolicyArray> policy_arrays(const Policy& policy) {
  return {{"weight1", &policy.weight1, policy.hidden, policy.inputs()},
          {"bias1", &policy.bias1, policy.hidden, 1},
          {"weight2", &policy.weight2, policy.hidden, policy.hidden},
          {"bias2", &policy.bias2, policy.hidden, 1},
          {"weight3", &policy.weight3, 2, policy.hidden},
          {"bias3", &policy.bias3, 2, 1}};
}

}  // namespace cascadecl
