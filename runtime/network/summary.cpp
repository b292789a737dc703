#include "runtime/network/summary.h"

namespace cascadecl {

NetworkSummary summarize(const Network& network) {
  NetworkSummary result{.network = network.name(),
                        .input = network.input_shape(),
                        .classes = network.classes(),
                        .layers = {},
                        .parameters = network.parameter_count(),
                        .macs = network.macs(),
                        .convolution_macs = network.convolution_macs()};
  for (const Layer& layer : network.layers())
    result.layers.push_back({.name = layer.name,
                             .type = std::string(type_name(layer)),
                             .output = layer.shape,
                             .parameters = network.parameter_count(layer),
                             .macs = network.macs(layer)});
  return result;
}

}  // namespace cascadecl
