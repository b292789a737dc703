#include "trainer/settings.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/foreign_text.h"

namespace cascadecl {

using Json = nlohmann::ordered_json;

namespace {

// One value for all stages, or a list.
template <class Value>
Json per_stage(const PerStage<Value>& setting) {
  return setting.values.size() == 1 ? Json(setting.values.front()) : Json(setting.values);
}

Json to_json(const ClassWeights& weights) {
  if (weights.kind == ClassWeights::Kind::given) return weights.given;
  return weights.kind == ClassWeights::Kind::balanced ? "balanced" : "none";
}

}  // namespace

std::string_view to_string(JointLoss loss) {
  switch (loss) {
    case JointLoss::cross_entropy:
      return "cross-entropy";
    case JointLoss::own:
      return "own";
    case JointLoss::reinforce:
      return "reinforce";
  }
  return "unknown";
}

JointLoss parse_joint_loss(std::string_view text) {
  for (const JointLoss loss : {JointLoss::cross_entropy, JointLoss::own, JointLoss::reinforce})
    if (text == to_string(loss)) return loss;
  throw UsageError(fmt::format("joint loss '{}': expected cross-entropy, own or reinforce", text));
}

std::string to_json(const TrainSettings& s) {
  Json stages = Json::array(), phases = Json::array();
  for (const std::string& stage : s.stages) stages.push_back(valid_utf8(stage));
  if (s.pretrain) phases.push_back("pretrain");
  if (s.policy) phases.push_back("policy");
  if (s.joint) phases.push_back("joint");
  const Json json = {{"stages", stages},
                     {"phases", phases},
                     {"refit", to_string(s.refit)},
                     {"epochs", per_stage(s.epochs)},
                     {"keep", to_string(s.keep)},
                     {"patience", s.patience},
                     {"policy_epochs", s.learning.epochs},
                     {"joint_loss", to_string(s.joint_loss)},
                     {"joint_epochs", s.joint_epochs},
                     {"batch_size", s.batch_size},
                     {"micro_batch", s.micro_batch ? Json(s.micro_batch) : Json(nullptr)},
                     {"learning_rate", per_stage(s.learning_rate)},
                     {"new_head", s.new_head},
                     {"base_learning_rate_scale", s.new_head ? Json(s.base_learning_rate_scale) : Json(nullptr)},
                     {"joint_learning_rate", per_stage(s.joint_learning_rate)},
                     {"momentum", s.momentum},
                     {"weight_decay", s.weight_decay},
                     {"nesterov", s.nesterov},
                     {"label_smoothing", s.label_smoothing},
                     {"class_weights", to_json(s.class_weights)},
                     {"teacher", s.teacher.empty() ? Json(nullptr) : Json(valid_utf8(s.teacher))},
                     {"teacher_weight", s.teacher.empty() ? Json(nullptr) : per_stage(s.teacher_weight)},
                     {"teacher_temperature", s.teacher.empty() ? Json(nullptr) : Json(s.teacher_temperature)},
                     {"schedule", s.schedule == Schedule::step ? "step" : "one-cycle"},
                     {"augment", s.augment},
                     {"flip", to_string(s.flip)},
                     {"cutout", per_stage(s.cutout)},
                     {"validation_share", s.validation_share},
                     {"alpha", s.learning.alpha},
                     {"frontier", s.frontier},
                     {"estimator", to_string(s.learning.estimator)},
                     {"baseline", to_string(s.learning.baseline)},
                     {"cost", to_string(s.cost)},
                     {"cost_through", to_string(s.learning.cost_through)},
                     {"reward_label", to_string(s.learning.reward_label)},
                     {"policy_input", to_string(s.learning.input)},
                     {"policy_learning_rate", s.learning.learning_rate},
                     {"entropy", s.learning.entropy},
                     {"policy_hidden", s.learning.hidden},
                     {"top_k", s.learning.top_k},
                     {"seed", s.seed},
                     {"policy_seed", s.policy_seed ? Json(*s.policy_seed) : Json(nullptr)}};
  return json.dump();
}

std::string differences(const std::string& json_a, const std::string& json_b) {
  const Json a = Json::parse(json_a), b = Json::parse(json_b);
  Json keys = a;  // of either; a setting that one side lacks is null there
  keys.update(b);
  std::string text;
  for (const auto& entry : keys.items()) {
    const Json of_a = a.value(entry.key(), Json()), of_b = b.value(entry.key(), Json());
    if (of_a != of_b)
      text += fmt::format("{}{} ({}, not {})", text.empty() ? "" : ", ", entry.key(), of_a.dump(), of_b.dump());
  }
  return text;
}

}  // namespace cascadecl
