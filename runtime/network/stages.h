#pragma once
#include <string_view>
#include <vector>

#include "runtime/network/description.h"

namespace cascadecl {

// The networks of `--stages resnet-8,resnet-20`: a comma list, at most 64 long. An entry is a name that make_network
// knows or the path of a layer list (share/doc/model-file.md), which ends in ".json" and whose input shape and classes
// must be those given. Throws UsageError naming the entry, FileError for a bad layer list.
std::vector<Network> parse_stages(std::string_view text, ImageShape input, int classes);

}  // namespace cascadecl
