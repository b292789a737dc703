#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "runtime/network/description.h"

namespace cascadecl {

// To be printed with the counts.
constexpr std::string_view macs_remark =
    "a MAC is one multiply-add of one image; the MACs of the convolutions alone are what the paper's Table 1 calls "
    "FLOPs";

struct LayerSummary {
  std::string name, type;  // type as type_name() gives it
  ImageShape output;
  std::int64_t parameters = 0;  // trained ones; without running statistics
  std::int64_t macs = 0;
};

// What `info` shows of a network.
struct NetworkSummary {
  std::string network;
  ImageShape input;
  int classes = 0;
  std::vector<LayerSummary> layers;
  std::int64_t parameters = 0, macs = 0, convolution_macs = 0;
};

NetworkSummary summarize(const Network& network);

}  // namespace cascadecl
