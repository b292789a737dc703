#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/network/description.h"

// A layer list:
//   {"name": "small", "input_shape": [3, 32, 32], "layers": [
//     {"name": "input", "type": "input"},
//     {"name": "conv1", "type": "conv", "inputs": ["input"], "out_channels": 16, "kernel_h": 3, "kernel_w": 3, ...},
//     ...]}
namespace cascadecl {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t max_layers = 10'000;
constexpr std::size_t max_text = std::size_t{16} << 20;

[[noreturn]] void fail(std::string_view where, std::string_view field, const std::string& problem) {
  throw FileError(fmt::format("{}: field {}: {}", where, field, problem));
}

// At most 60 printable characters of a foreign string.
std::string shortened(const std::string& text) {
  const std::string quoted = Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
  return quoted.size() <= 62 ? quoted : quoted.substr(0, 58) + "...\"";
}

// A foreign value for a message: short and in one line. Lists and objects are not gone into: they may be deep.
std::string shown(const Json& value) {
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  if (value.is_object()) return "an object";
  return value.is_string() ? shortened(value.get<std::string>()) : value.dump();
}

// An object's fields, each to be taken by name and type; what nobody asked for is an error.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) throw FileError(fmt::format("{}: expected an object, got {}", where_, shown(object_)));
  }

  void allow_only(const std::vector<std::string_view>& names) const {
    for (const auto& [key, value] : object_.items())
      if (std::find(names.begin(), names.end(), key) == names.end()) fail(where_, shortened(key), "is not known here");
  }

  bool has(const char* name) const { return object_.contains(name); }

  const Json& field(const char* name) const {
    const auto found = object_.find(name);
    if (found == object_.end()) fail(where_, name, "is missing");
    return *found;
  }

  std::string text(const char* name) const {
    const Json& value = field(name);
    if (!value.is_string()) fail(where_, name, fmt::format("expected a string, got {}", shown(value)));
    return value.get<std::string>();
  }

  int number(const char* name, int smallest) const { return number(field(name), name, smallest); }
  int number(const char* name, int smallest, int otherwise) const {
    return has(name) ? number(name, smallest) : otherwise;
  }

  bool flag(const char* name) const {
    const Json& value = field(name);
    if (!value.is_boolean()) fail(where_, name, fmt::format("expected true or false, got {}", shown(value)));
    return value.get<bool>();
  }

  float real(const char* name) const {
    const Json& value = field(name);
    const float number = value.is_number() ? value.get<float>() : NAN;
    if (!std::isfinite(number)) fail(where_, name, fmt::format("expected a number, got {}", shown(value)));
    return number;
  }

  const Json& list(const char* name) const {
    const Json& value = field(name);
    if (!value.is_array()) fail(where_, name, fmt::format("expected a list, got {}", shown(value)));
    return value;
  }

  ImageShape image_shape(const char* name) const {
    const Json& value = list(name);
    if (value.size() != 3) fail(where_, name, fmt::format("expected [channels,height,width], got {}", shown(value)));
    return {number(value[0], name, 1), number(value[1], name, 1), number(value[2], name, 1)};
  }

  std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> result;
    for (const Json& value : list(name)) {
      if (!value.is_string()) fail(where_, name, fmt::format("expected strings, got {}", shown(value)));
      result.push_back(value.get<std::string>());
    }
    return result;
  }

 private:
  int number(const Json& value, const char* name, int smallest) const {
    constexpr int largest = std::numeric_limits<int>::max();
    const bool fits = value.is_number_unsigned()  ? value.get<std::uint64_t>() <= std::uint64_t{largest}
                      : value.is_number_integer() ? value.get<std::int64_t>() >= smallest
                                                  : false;
    if (!fits || value.get<std::int64_t>() < smallest)
      fail(where_, name, fmt::format("expected an integer from {} to {}, got {}", smallest, largest, shown(value)));
    return value.get<int>();
  }

  const Json& object_;
  std::string where_;
};

// The layer type of that name, with default attributes.
Layer parse_type(const Fields& fields, std::string_view where) {
  const std::string text = fields.text("type");
  std::string known;
  for (const Layer& layer : all_layer_types()) {
    if (text == type_name(layer)) return layer;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", type_name(layer));
  }
  fail(where, "type", fmt::format("{} is not one of {}", shown(text), known));
}

// The names of a type's attributes.
class AttributeNames : public Attributes {
 public:
  void integer(const char* name, int&, int) override { names.emplace_back(name); }
  void integer(const char* name, int&, int, int) override { names.emplace_back(name); }
  void rare_integer(const char* name, int&, int, int) override { names.emplace_back(name); }
  void flag(const char* name, bool&, bool) override { names.emplace_back(name); }
  void number(const char* name, float&) override { names.emplace_back(name); }
  std::vector<std::string_view> names{"name", "type", "inputs"};
};

class AttributeReader : public Attributes {
 public:
  explicit AttributeReader(const Fields& fields) : fields_(fields) {}
  void integer(const char* name, int& value, int smallest) override { value = fields_.number(name, smallest); }
  void integer(const char* name, int& value, int smallest, int otherwise) override {
    value = fields_.number(name, smallest, otherwise);
  }
  void rare_integer(const char* name, int& value, int smallest, int otherwise) override {
    value = fields_.number(name, smallest, otherwise);
  }
  void flag(const char* name, bool& value, bool otherwise) override {
    value = fields_.has(name) ? fields_.flag(name) : otherwise;
  }
  void number(const char* name, float& value) override { value = fields_.real(name); }

 private:
  const Fields& fields_;
};

class AttributeWriter : public Attributes {
 public:
  explicit AttributeWriter(Json& json) : json_(json) {}
  void integer(const char* name, int& value, int) override { json_[name] = value; }
  void integer(const char* name, int& value, int, int) override { json_[name] = value; }
  void rare_integer(const char* name, int& value, int, int otherwise) override {
    if (value != otherwise) json_[name] = value;
  }
  void flag(const char* name, bool& value, bool otherwise) override {
    if (value != otherwise) json_[name] = value;
  }
  void number(const char* name, float& value) override { json_[name] = value; }

 private:
  Json& json_;
};

Layer read_layer(const Json& json, std::size_t position) {
  std::string where = fmt::format("layer {}", position);
  const std::string name = Fields(json, where).text("name");
  where = fmt::format("layer {} {}", position, shown(name));
  const Fields fields(json, where);
  Layer layer = parse_type(fields, where);
  layer.name = name;
  AttributeNames attributes;
  visit_attributes(layer, attributes);
  fields.allow_only(attributes.names);
  AttributeReader reader(fields);
  visit_attributes(layer, reader);
  if (input_count(layer).most > 0 || fields.has("inputs")) layer.inputs = fields.texts("inputs");
  return layer;
}

Json parse(std::string_view text) {
  if (text.size() > max_text) throw FileError("layer list: longer than 16 MiB");
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    throw FileError("layer list: not valid JSON");
  }
}

Json layer_json(Layer layer) {
  Json json{{"name", layer.name}, {"type", type_name(layer)}};
  if (input_count(layer).most > 0) json["inputs"] = layer.inputs;
  AttributeWriter writer(json);
  visit_attributes(layer, writer);
  return json;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace); }

}  // namespace

std::string Network::to_json() const {
  const Json shape{input_.channels, input_.height, input_.width};
  std::string text = fmt::format("{{\"name\":{},\"input_shape\":{},\"layers\":[\n", dump(name_), dump(shape));
  for (const Layer& layer : layers_) {
    if (&layer != layers_.data()) text += ",\n";
    text += dump(layer_json(layer));
  }
  return text + "\n]}\n";
}

Network Network::from_json(std::string_view json) {
  const Json document = parse(json);
  const Fields fields(document, "layer list");
  fields.allow_only({"name", "input_shape", "layers"});
  const std::string name = fields.text("name");
  const ImageShape input = fields.image_shape("input_shape");
  const Json& list = fields.list("layers");
  if (list.size() > max_layers)
    fail("layer list", "layers", fmt::format("has {} layers, at most {} are allowed", list.size(), max_layers));
  std::vector<Layer> layers;
  for (const Json& layer : list) layers.push_back(read_layer(layer, layers.size()));
  try {
    return Network(name, input, std::move(layers));
  } catch (const ShapeError& error) {
    throw FileError(fmt::format("layer list: {}", error.what()));
  }
}

}  // namespace cascadecl
