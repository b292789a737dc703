#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/network/description.h"
#include "runtime/network/parameters.h"

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

// One classifier of the cascade.
struct Stage {
  Network network;
  Parameters parameters;
};

// A model's own way to decide and answer, which holds unless a caller chooses another. A budget was met with it on
// held-out images.
struct Decision {
  PolicyChoice policy;  // with a parameter
  Combine combine = Combine::reweight;
};

// A trained cascade, as in the model file. policies has one entry fewer than stages (the last stage
// always stops), or none where another policy decides.
struct Model {
  int classes = 0;
  ImageShape input;
  std::vector<float> mean, std;          // [C], of training images scaled to 0..1
  std::vector<std::string> label_names;  // one for each class, or none at all
  std::vector<Stage> stages;
  std::vector<Policy> policies;
  // The results of calibrate() on held-out images; each may be empty.
  std::vector<Policy> exit_functions = {};  // as policies, learned by supervision with the stages frozen
  std::vector<double> temperatures = {};    // [stages], of the label probabilities; see tempered()
  CombinationWeights combination = {};      // [stages][stages], for Combine::fitted and PolicyInput::combined
  std::optional<Decision> decision = {};    // see find_budget()
  std::string training;                     // settings, seed and history as JSON text; may be empty

  // Multiply-adds of stage i and its policy (none on the last stage), for one image: F_t of the paper, unnormalised.
  double stage_macs(std::size_t i) const;
  std::string label_name(std::size_t label) const;  // its number where labels have no names
  // Multiply-adds of an image that leaves at stage `exit`: stage_macs of 0..exit together.
  double macs_through(int exit) const;
};

// How a model answers unless it or its user says otherwise: fitted where it holds weights for that, else reweight.
Combine default_combine(const Model& model);

// Multiply-adds of the largest stage's network for one image, in millions.
double largest_mmac(const Model& model);

// Throws ShapeError naming the stage or policy if the parts do not fit each other: classes, input shape, parameters and
// their sizes, number of policies, mean and std; or if a value is not finite.
void check_model(const Model& model);

// A cascade of stage i alone, which always stops there.
Model single_stage(const Model& model, std::size_t stage);

// The parts of a model that run under a policy: the model with the policies that the device must run (none for
// thresholds, the exit functions for ann), or for static the one stage. Throws UsageError if the model has no such
// policies or stage.
Model model_under(Model model, const PolicyChoice& choice);

}  // namespace cascadecl
