#include "runtime/tuning/tuning_table.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

constexpr int format_version = 1;
constexpr std::array batches = {BatchClass::one, BatchClass::few, BatchClass::many};

ordered_json to_json(const TuningKey& key, const TuningEntry& entry) {
  ordered_json parameters = ordered_json::object();
  for (const auto& [name, value] : entry.values) parameters[name] = value;
  ordered_json json = {{"kernel", key.kernel},
                       {"operation", key.operation},
                       {"input_shape", {key.in_channels, key.height, key.width}},
                       {"out_channels", key.out_channels},
                       {"kernel_size", {key.kernel_h, key.kernel_w}},
                       {"stride", key.stride},
                       {"padding", key.padding},
                       {"channel_block", key.channel_block},
                       {"batch", to_string(key.batch)},
                       {"parameters", parameters},
                       {"ms", nullptr},
                       {"default_ms", nullptr},
                       {"complete", entry.complete}};
  if (entry.ms) json["ms"] = *entry.ms;
  if (entry.default_ms) json["default_ms"] = *entry.default_ms;
  return json;
}

// Values of a file that are not ours to trust: everything is positive and no larger than it may be, or the entry is
// refused.
constexpr int largest_size = 1 << 30, largest_parameter = 1 << 20;

int whole_number(const ordered_json& json, int least, int most = largest_size) {
  if (!json.is_number_integer()) throw std::invalid_argument(fmt::format("{} is no whole number", json.dump()));
  const auto value = json.get<std::int64_t>();
  if (value < least || value > most)
    throw std::invalid_argument(fmt::format("{} is outside {}..{}", value, least, most));
  return static_cast<int>(value);
}

BatchClass read_batch(const ordered_json& json) {
  for (const BatchClass batch : batches) {
    if (json == to_string(batch)) return batch;
  }
  throw std::invalid_argument(fmt::format("batch {} is none of 1, 2-15, 16+", json.dump()));
}

TuningKey read_key(const ordered_json& json) {
  return {.kernel = json.at("kernel").get<std::string>(),
          .operation = json.at("operation").get<std::string>(),
          .in_channels = whole_number(json.at("input_shape").at(0), 1),
          .height = whole_number(json.at("input_shape").at(1), 1),
          .width = whole_number(json.at("input_shape").at(2), 1),
          .out_channels = whole_number(json.at("out_channels"), 1),
          .kernel_h = whole_number(json.at("kernel_size").at(0), 1),
          .kernel_w = whole_number(json.at("kernel_size").at(1), 1),
          .stride = whole_number(json.at("stride"), 1),
          .padding = whole_number(json.at("padding"), 0),
          .channel_block = whole_number(json.at("channel_block"), 1),
          .batch = read_batch(json.at("batch"))};
}

std::optional<double> read_ms(const ordered_json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

TuningEntry read_entry(const ordered_json& json) {
  TuningEntry entry{.values = {},
                    .ms = read_ms(json, "ms"),
                    .default_ms = read_ms(json, "default_ms"),
                    .complete = json.at("complete").get<bool>()};
  const ordered_json& parameters = json.at("parameters");
  if (!parameters.is_object()) throw std::invalid_argument("parameters are no object");
  for (const auto& [name, value] : parameters.items())
    entry.values.emplace_back(name, whole_number(value, 0, largest_parameter));
  return entry;
}

void read_entries(const ordered_json& list, const std::string& name, const WarningHandler& warning,
                  TuningTable& table) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    try {
      table.insert_or_assign(read_key(list[i]), read_entry(list[i]));
    } catch (const std::exception& error) {
      warn(warning, fmt::format("{}: entry {} is left out: {}", name, i, error.what()));
    }
  }
}

}  // namespace

std::string to_json_text(const TuningFile& file) {
  const TuningOwner& owner = file.owner;
  ordered_json json = {{"format_version", format_version}};
  if (owner.device.empty()) {
    json["class"] = owner.device_class;
  } else {
    json["platform"] = owner.platform;
    json["device"] = owner.device;
    json["driver_version"] = owner.driver_version;
    json["class"] = owner.device_class;
  }
  // An entry a line, so that files can be compared.
  std::string text = json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
  text.resize(text.size() - 2);
  text += ",\n  \"entries\": [";
  bool first = true;
  for (const auto& [key, entry] : file.table) {
    text += fmt::format("{}\n    {}", first ? "" : ",", to_json(key, entry).dump());
    first = false;
  }
  return text + "\n  ]\n}\n";
}

std::optional<TuningFile> parse_tuning_file(std::string_view text, const std::string& name,
                                            const WarningHandler& warning) {
  try {
    check_json_depth(text, name);
    const ordered_json json = ordered_json::parse(text);
    const int version = json.at("format_version").get<int>();
    if (version != format_version) {
      warn(warning, fmt::format("{}: format_version {}, expected {}: not used", name, version, format_version));
      return std::nullopt;
    }
    TuningFile file{{json.value("platform", ""), json.value("device", ""), json.value("driver_version", ""),
                     json.value("class", "")},
                    {}};
    const ordered_json& entries = json.at("entries");
    if (!entries.is_array()) throw std::invalid_argument("entries are no list");
    read_entries(entries, name, warning, file.table);
    return file;
  } catch (const std::exception&) {  // of the parser, or a key that is not there
    warn(warning, fmt::format("{}: not a tuning file: not used", name));
    return std::nullopt;
  }
}

}  // namespace cascadecl
