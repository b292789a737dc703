#include "runtime/network/layer.h"

#include <utility>

namespace cascadecl {

std::string_view type_name(const Layer& layer) {
  return std::visit([]<class Type>(const Type&) { return Type::type; }, layer.attributes);
}

InputCount input_count(const Layer& layer) {
  return std::visit([]<class Type>(const Type&) { return Type::inputs; }, layer.attributes);
}

std::string attribute_fault(const Layer& layer) {
  return std::visit([](const auto& type) { return type.fault(); }, layer.attributes);
}

ImageShape output_shape(const Layer& layer, const LayerInputs& inputs) {
  return std::visit([&](const auto& type) { return type.output(inputs); }, layer.attributes);
}

std::int64_t layer_macs(const Layer& layer, const LayerInputs& inputs) {
  return std::visit([&](const auto& type) { return type.macs(inputs, layer.shape); }, layer.attributes);
}

std::vector<Parameter> layer_parameters(const Layer& layer, const LayerInputs& inputs) {
  return std::visit([&](const auto& type) { return type.parameters(inputs); }, layer.attributes);
}

void visit_attributes(Layer& layer, Attributes& attributes) {
  std::visit([&](auto& type) { type.visit(attributes); }, layer.attributes);
}

void lower_layer(const Layer& layer, Lowerer& lowerer) {
  std::visit([&](const auto& type) { type.lower(lowerer); }, layer.attributes);
}

std::vector<Layer> all_layer_types() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::vector<Layer>{Layer{.name = {}, .attributes = std::variant_alternative_t<I, LayerAttributes>{}}...};
  }
  (std::make_index_sequence<std::variant_size_v<LayerAttributes>>());
}

}  // namespace cascadecl
