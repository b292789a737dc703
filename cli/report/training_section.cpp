#include "cli/report/training_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// Settings that are no flags of `train`, but facts of the dataset.
constexpr std::array data_facts = {"data", "images", "mean", "std", "color_order", "labels", "teacher_identity"};

ordered_json parse(const std::string& training) {
  ordered_json json = ordered_json::parse(training, nullptr, false);
  return json.is_object() ? json : ordered_json::object();
}

ordered_json settings_of(const ordered_json& training) {
  const auto found = training.find("settings");
  return found != training.end() && found->is_object() ? *found : ordered_json::object();
}

std::string text_or_empty(const ordered_json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> number_of(const ordered_json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

bool has_phase(const ordered_json& settings, const std::string& phase) {
  const auto found = settings.find("phases");
  return found != settings.end() && found->is_array() && std::find(found->begin(), found->end(), phase) != found->end();
}

// As on the command line: lists by commas, yes and no.
std::string flag_value(const ordered_json& value) {
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const ordered_json& entry : value) text += (text.empty() ? "" : ",") + flag_value(entry);
  return text;
}

// The command whose flags are these settings. Where the stages came from another model, it is not known which.
std::string command_of(const ordered_json& settings) {
  if (settings.empty()) return "";
  const bool pretrained = has_phase(settings, "pretrain");
  std::string command = pretrained ? "cascadecl train --data DATA" : "cascadecl train --data DATA --from PRETRAINED";
  for (const auto& [name, value] : settings.items()) {
    if (std::find(data_facts.begin(), data_facts.end(), name) != data_facts.end()) continue;
    if (value.is_null() || (name == "stages" && !pretrained)) continue;
    std::string flag = name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    const bool from_file = name == "class_weights" && value.is_array();
    command += fmt::format(" --{} {}", flag, from_file ? "FILE" : flag_value(value));
  }
  return command + " -o MODEL";
}

ordered_json number_json(const ordered_json& object, const char* field) {
  const auto number = number_of(object, field);
  return number ? ordered_json(*number) : ordered_json(nullptr);
}

ordered_json curves_of(const ordered_json& training) {
  ordered_json curves = ordered_json::array();
  const auto history = training.find("history");
  if (history == training.end() || !history->is_array()) return curves;
  for (const ordered_json& record : *history) {
    if (!record.is_object() || !number_of(record, "epoch")) continue;
    const std::string phase = text_or_empty(record, "phase"), what = text_or_empty(record, "what");
    auto curve = std::find_if(curves.begin(), curves.end(), [&](const ordered_json& other) {
      return other["phase"] == phase && other["what"] == what;
    });
    if (curve == curves.end()) {
      curves.push_back({{"phase", phase}, {"what", what}, {"epochs", ordered_json::array()}});
      curve = curves.end() - 1;
    }
    ordered_json epoch;
    for (const char* field : {"epoch", "loss", "accuracy", "validation_accuracy", "mac_fraction"}) {
      epoch[field] = number_json(record, field);
    }
    if (record.contains("kept")) epoch["kept"] = true;
    (*curve)["epochs"].push_back(epoch);
  }
  return curves;
}

}  // namespace

TrainingFacts training_facts(const std::string& training) {
  const ordered_json settings = settings_of(parse(training));
  TrainingFacts facts{.alpha = number_of(settings, "alpha")};
  if (has_phase(settings, "joint")) facts.joint_loss = settings.value("joint_loss", "reinforce");  // once the only one
  const auto seed = settings.find("seed");
  if (seed != settings.end() && seed->is_number_unsigned()) facts.seed = seed->get<std::uint64_t>();
  return facts;
}

ordered_json training_json(const std::string& training) {
  const ordered_json json = parse(training);
  if (json.empty()) return nullptr;
  const ordered_json settings = settings_of(json);
  return {{"command", command_of(settings)},
          {"settings", settings},
          {"device", text_or_empty(json, "device")},
          {"driver", text_or_empty(json, "driver")},
          {"curves", curves_of(json)}};
}

}  // namespace cascadecl
