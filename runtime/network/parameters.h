#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/network/description.h"

namespace cascadecl {

// Learned values of all layers, in the layouts of the model file. Keys are "layer/parameter": "conv1/weight". The type
// of a layer says which parameters it has (runtime/network/layers).
using Parameters = std::map<std::string, std::vector<float>, std::less<>>;

using ParameterShapes = std::map<std::string, std::vector<int>, std::less<>>;

// Shapes of all parameters of a network, same keys, with statistics such as running_mean.
ParameterShapes parameter_shapes(const Network& network);
// The same without statistics: the values that an optimiser changes.
ParameterShapes trained_parameter_shapes(const Network& network);

// The initial values, see Parameter::Initial. Value i of the p-th parameter (in key order) comes from Philox with
// counter (p, i) and key seed alone. So the same seed gives the same values on every machine.
Parameters initial_parameters(const Network& network, std::uint64_t seed);

// All parameters, as zeros: for everything that depends on their sizes alone.
Parameters zero_parameters(const Network& network);

// Throws ShapeError naming layer and parameter if one is missing, superfluous or of another size, or holds
// NaN, infinity or a negative variance.
void check_parameters(const Network& network, const Parameters& parameters);

// The parameters that temper a network's label probabilities: those of its last layer are divided by T.
Parameters tempered(const Network& network, Parameters parameters, double temperature);

}  // namespace cascadecl
