#pragma once
#include <string_view>
#include <vector>

namespace cascadecl {

// The input that a policy gets (share/doc/policy.md):
//   raw       the stage's label probabilities, class by class
//   sorted    the same in descending order
//   permuted  in training the classes permuted at random, else as raw
//   features  as sorted, and the stage's pooled features behind them
//   combined  the answer combined of all stages visited (Combine::fitted), its largest probabilities in descending
//   order
enum class PolicyInput { raw, sorted, permuted, features, combined };

// All of them, in the order above.
const std::vector<PolicyInput>& policy_inputs();
// "raw", ..., "combined", and back; parse_policy_input throws UsageError naming the five.
std::string_view to_string(PolicyInput input);
PolicyInput parse_policy_input(std::string_view text);
// How many label probabilities of `classes` a policy reads: all, of combined answers the 16 largest at most.
int probabilities_seen(PolicyInput input, int classes);
// Whether it reads them in descending order.
bool sorts(PolicyInput input);

// The stopping policy of one stage: dense-relu-dense-relu-dense-softmax over {stop, continue} (paper, 4.3).
// Row-major [out][in] weights. stop_probability = softmax(logits)[0].
struct Policy {
  PolicyInput input = PolicyInput::sorted;
  int classes = 0, hidden = 0;
  int features = 0;  // pooled features of the stage that it reads; 0 unless input is PolicyInput::features
  std::vector<float> weight1, bias1;  // [hidden][inputs()], [hidden]
  std::vector<float> weight2, bias2;  // [hidden][hidden], [hidden]
  std::vector<float> weight3, bias3;  // [2][hidden], [2]

  int inputs() const { return probabilities_seen(input, classes) + features; }
  long macs() const { return static_cast<long>(hidden) * (inputs() + hidden + 2); }
};

// Whether one of the policies reads features.
bool sees_features(const std::vector<Policy>& policies);
// Whether one of them reads the combined answer.
bool sees_combined(const std::vector<Policy>& policies);

// The default number of units of a hidden layer: 64, or 256 from 1,000 classes on (paper, 4.3).
int default_hidden(int classes);

// One of a policy's arrays, row-major [rows][columns]; columns is 1 for a bias. Refers to the policy's memory.
struct PolicyArray {
  std::string_view name;  // "weight1", ...
  const std::vector<float>* values;
  int rows, columns;  // expected
};

// weight1, bias1, weight2, bias2, weight3, bias3, with the sizes that follow from classes, features and hidden.
std::vector<PolicyArray> policy_arrays(const Policy& policy);

}  // namespace cascadecl
