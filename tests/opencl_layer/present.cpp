#include "tests/opencl_layer/present.h"

#include <cstdlib>
#include <functional>

#include "tests/opencl_layer/settings.h"

namespace opencl_layer {
namespace {

constexpr const char* variable = "OPENCL_PRESENT";

// What each word of an entry sets.
using Setter = std::function<void(Presentation&, const std::string& value)>;

template <class T>
Setter number(std::optional<T> Presentation::*member) {
  return [member](Presentation& p, const std::string& value) {
    p.*member = static_cast<T>(parse_number(variable, value));
  };
}

Setter text(std::string Presentation::*member) {
  return [member](Presentation& p, const std::string& value) { p.*member = value; };
}

Setter flag(bool Presentation::*member, bool value) {
  return [=](Presentation& p, const std::string&) { p.*member = value; };
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all = {
      {"class", text(&Presentation::device_class)},
      {"name", text(&Presentation::name)},
      {"vendor", text(&Presentation::vendor)},
      {"driver", text(&Presentation::driver)},
      {"compute_units", number(&Presentation::compute_units)},
      {"work_group", number(&Presentation::work_group)},
      {"local_memory", number(&Presentation::local_memory)},
      {"memory", number(&Presentation::memory)},
      {"allocation", number(&Presentation::allocation)},
      {"alignment", number(&Presentation::alignment_bits)},
      {"address_bits", number(&Presentation::address_bits)},
      {"memory_at_use", flag(&Presentation::memory_at_use, true)},
      {"no_fp64", flag(&Presentation::fp64, false)},
      {"no_fp16", flag(&Presentation::fp16, false)},
  };
  return all;
}

Presentation parse_presentation(const std::string& facts) {
  Presentation presentation;
  for (const auto& [word, value] : parse_pairs(facts)) {
    const auto setter = setters().find(word);
    if (setter == setters().end()) refuse_setting(variable, word, "is no fact of a device");
    setter->second(presentation, value);
  }
  const std::string& c = presentation.device_class;
  if (!c.empty() && c != "cpu" && c != "igpu" && c != "gpu") refuse_setting(variable, c, "is no class");
  return presentation;
}

const std::map<std::string, Presentation>& presentations() {
  static const char* text = std::getenv(variable);
  static const std::map<std::string, Presentation> all = parse_presentations(text ? text : "");
  return all;
}

}  // namespace

std::map<std::string, Presentation> parse_presentations(const std::string& text) {
  std::map<std::string, Presentation> all;
  for (const std::string& entry : split(text, ';')) {
    const size_t space = entry.find(' ');
    if (space == std::string::npos) refuse_setting(variable, entry, "is not PLATFORM.DEVICE and facts");
    all.emplace(entry.substr(0, space), parse_presentation(entry.substr(space + 1)));
  }
  return all;
}

const Presentation* presentation_of(cl_device_id device) {
  const auto found = presentations().find(position_of(device));
  return found == presentations().end() ? nullptr : &found->second;
}

void replace_entries(cl_icd_dispatch& entries) {
  presentations();  // so that a wrong setting is told at once
  replace_device_queries(entries);
  replace_memory(entries);
  replace_programs(entries);
}

}  // namespace opencl_layer
