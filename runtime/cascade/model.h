#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/frontier.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/cascade/policy.h"
#include "runtime/network/description.h"
#include "runtime/network/parameters.h"

namespace cascadecl {

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
  std::string color_order = {};          // of the images, as in DatasetHeader; empty: nobody said, see color_order()
  std::vector<Stage> stages;
  std::vector<Policy> policies;
  // The results of calibrate() on held-out images; each may be empty.
  std::vector<Policy> exit_functions = {};  // as policies, learned by supervision with the stages frozen
  std::vector<double> temperatures = {};    // [stages], of the label probabilities; see tempered()
  CombinationWeights combination = {};      // [stages][stages], for Combine::fitted and PolicyInput::combined
  std::optional<Decision> decision = {};    // see Goal and find_budget()
  Frontier frontier = {};                   // its best ways to run; may be empty
  std::string training;                     // settings, seed and history as JSON text; may be empty

  // Multiply-adds of stage i and its policy (none on the last stage), for one image: F_t of the paper, unnormalised.
  double stage_macs(std::size_t i) const;
  std::string label_name(std::size_t label) const;  // its number where labels have no names
  // Multiply-adds of an image that leaves at stage `exit`: stage_macs of 0..exit together.
  double macs_through(int exit) const;
};

// The order of colours of the images that a model takes. Where nobody said, images of three channels are taken for RGB
// and those of one for gray; others have "none".
std::string color_order(const Model& model);

// Turns pictures [n][C][H][W], which are read as RGB, for a model that takes BGR; leaves them alone for others.
void turn_pictures(const Model& model, std::span<std::uint8_t> pictures);

// How a model answers unless it or its user says otherwise: fitted where it holds weights for that, else reweight.
Combine default_combine(const Model& model);

// Multiply-adds of each stage and policy, as shares of the largest stage's. Policies: as large as the model's own, or
// as those of its frontier.
StageCosts relative_macs(const Model& model);

// The model that runs at a point of its frontier: with the point's policies, and it as its decision.
Model at_point(Model model, const FrontierPoint& point);

// Multiply-adds of the largest stage's network for one image, in millions.
double largest_mmac(const Model& model);

// Throws ShapeError naming the stage or policy if the parts do not fit each other: classes, input shape, parameters and
// their sizes, number of policies, mean and std; or if a value is not finite.
void check_model(const Model& model);

// The parameters with which a stage's network answers: its own, tempered where the model says so.
Parameters tempered_parameters(const Model& model, std::size_t stage);

// A cascade of stage i alone, which always stops there.
Model single_stage(const Model& model, std::size_t stage);

// The parts of a model that run under a policy: the model with the policies that the device must run (none for
// thresholds, the exit functions for ann), or for static the one stage. Throws UsageError if the model has no such
// policies or stage.
Model model_under(Model model, const PolicyChoice& choice);

}  // namespace cascadecl
