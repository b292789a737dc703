#pragma once
#include <string>
#include <vector>

#include "runtime/network/network.h"

namespace cascadecl {

// What the policy sees of the label probabilities (share/doc/policy.md).
//   raw       as they are, class by class (the paper)
//   sorted    in descending order
//   permuted  raw at test time; classes randomly permuted for each image while training
enum class PolicyInput { raw, sorted, permuted };

// The stopping policy of one stage: dense-relu-dense-relu-dense-softmax over {stop, continue} (paper, 4.3).
// Row-major [out][in] weights. stop_probability = softmax(logits)[0].
struct Policy {
  PolicyInput input = PolicyInput::sorted;
  int classes = 0, hidden = 0;
  std::vector<float> weight1, bias1;  // [hidden][classes], [hidden]
  std::vector<float> weight2, bias2;  // [hidden][hidden], [hidden]
  std::vector<float> weight3, bias3;  // [2][hidden], [2]

  long macs() const { return static_cast<long>(hidden) * (classes + hidden + 2); }
};

// One classifier of the cascade.
struct Stage {
  Network network;
  Parameters parameters;
};

// A trained cascade, as in the model file. policies has one entry fewer than stages: the last stage always stops.
struct Model {
  int classes = 0;
  ImageShape input;
  std::vector<float> mean, std;  // [C], of training images scaled to 0..1
  std::vector<std::string> label_names;
  std::vector<Stage> stages;
  std::vector<Policy> policies;
  std::string training;  // settings, seed and history as JSON text; may be empty

  // Multiply-adds of stage i and its policy (none on the last stage), for one image: F_t of the paper, unnormalised.
  double stage_macs(std::size_t i) const;
};

}  // namespace cascadecl
