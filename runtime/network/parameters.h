#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/network/description.h"

namespace cascadecl {

// Learned values of a layer, by parameter name, in the layouts of the model file:
//   convolution  weight [K][C][R][S]
//   batch_norm   gamma, beta, running_mean, running_variance, each [C]
//   dense        weight [out][in], bias [out]
// Keys are "layer/parameter".
using Parameters = std::map<std::string, std::vector<float>, std::less<>>;

using ParameterShapes = std::map<std::string, std::vector<int>, std::less<>>;

// Shapes of all parameters of a network, same keys. running_* are statistics, not trained.
ParameterShapes parameter_shapes(const Network& network);
// The same without running_mean and running_variance: what an optimiser changes.
ParameterShapes trained_parameter_shapes(const Network& network);

// He initialisation (fan-in, as in He et al. 2015): convolution and dense weights normal with variance 2/fan-in, gamma
// 1, beta and bias 0, running mean 0, running variance 1. Value i of the p-th parameter (in key order) comes from
// Philox with counter (p, i) and key seed alone: the same seed gives the same values on every machine.
Parameters initial_parameters(const Network& network, std::uint64_t seed);

// All parameters, zero: for what depends on their sizes alone.
Parameters zero_parameters(const Network& network);

// Throws ShapeError naming layer and parameter if one is missing, superfluous or of another size, or holds
// NaN, infinity or a negative variance.
void check_parameters(const Network& network, const Parameters& parameters);

// The parameters of a network whose label probabilities are tempered: those of its last layer divided by T.
Parameters tempered(const Network& network, Parameters parameters, double temperature);

}  // namespace cascadecl
