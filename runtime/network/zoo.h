#pragma once
#include <string_view>

#include "runtime/network/description.h"

namespace cascadecl {

// A network of the paper by name: resnet-N (N = 6n+2, n units a block) or wrn-D-K (D = 6n+4; K times the channels, also
// in the first convolution: 3 -> 16K), e.g. wrn-40-1.5. These variants reproduce Table 1: to the last digit for
// resnet-N, within 0.0042 % for wrn-40-K. resnet-N-bn has as many MACs as resnet-N and units that end in batch norm,
// x + bn(conv(relu(bn(conv(bn(x)))))), after Han et al. 2017, "Deep Pyramidal Residual Networks".
// Any image size, at least 1x1. Throws UsageError listing the known names.
Network make_network(std::string_view name, ImageShape input, int classes);

}  // namespace cascadecl
