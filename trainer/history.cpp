#include "trainer/history.h"

#include <nlohmann/json.hpp>

#include "data/files/error.h"

namespace cascadecl {
namespace {

using Json = nlohmann::ordered_json;

Json optional_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> optional_number(const Json& json, const char* key) {
  return json.at(key).is_null() ? std::nullopt : std::optional<double>(json.at(key).get<double>());
}

}  // namespace

std::string history_to_json(const std::vector<EpochRecord>& history) {
  Json list = Json::array();
  for (const EpochRecord& r : history) {
    Json record = {{"phase", r.phase},
                   {"what", r.what},
                   {"epoch", r.epoch},
                   {"loss", r.loss},
                   {"accuracy", optional_number(r.accuracy)},
                   {"validation_accuracy", optional_number(r.validation_accuracy)},
                   {"mac_fraction", optional_number(r.mac_fraction)},
                   {"learning_rate", r.learning_rate},
                   {"seconds", r.seconds},
                   {"images_per_s", r.images_per_s},
                   {"waited_s", r.waited_seconds}};
    if (r.kept) record["kept"] = true;
    list.push_back(std::move(record));
  }
  return list.dump();
}

std::vector<EpochRecord> history_from_json(const std::string& text) {
  std::vector<EpochRecord> history;
  try {
    for (const Json& j : Json::parse(text)) {
      EpochRecord r;
      r.phase = j.at("phase").get<std::string>();
      r.what = j.at("what").get<std::string>();
      r.epoch = j.at("epoch").get<int>();
      r.loss = j.at("loss").get<double>();
      r.accuracy = optional_number(j, "accuracy");
      r.validation_accuracy = optional_number(j, "validation_accuracy");
      r.mac_fraction = optional_number(j, "mac_fraction");
      r.learning_rate = j.at("learning_rate").get<double>();
      r.seconds = j.at("seconds").get<double>();
      r.images_per_s = j.at("images_per_s").get<double>();
      r.waited_seconds = j.at("waited_s").get<double>();
      r.kept = j.value("kept", false);
      history.push_back(std::move(r));
    }
  } catch (const Json::exception& error) {
    throw FileError(std::string("history: ") + error.what());
  }
  return history;
}

}  // namespace cascadecl
