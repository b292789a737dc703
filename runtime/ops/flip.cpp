#include "runtime/ops/flip.h"

#include <fmt/format.h>

#include "data/files/error.h"

namespace cascadecl {

std::string_view to_string(Flip flip) {
  return flip == Flip::none ? "none" : flip == Flip::random ? "random" : "alternate";
}

Flip parse_flip(std::string_view name) {
  for (const Flip flip : {Flip::none, Flip::random, Flip::alternate})
    if (name == to_string(flip)) return flip;
  throw UsageError(fmt::format("flip '{}' is none of none, random, alternate", name));
}

}  // namespace cascadecl
