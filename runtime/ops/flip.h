#pragma once
#include <string_view>

namespace cascadecl {

// When a training image is mirrored left-right.
//   random     with probability 1/2 in each epoch
//   alternate  in every other epoch: a random half of the images begins mirrored, the other half as it is
enum class Flip { none, random, alternate };
std::string_view to_string(Flip flip);
Flip parse_flip(std::string_view name);  // throws UsageError that lists the names

}  // namespace cascadecl
