#include "runtime/ops/variant.h"

namespace cascadecl {

std::string to_string(const std::vector<Declined>& declined) {
  std::string text;
  for (const Declined& d : declined) text += (text.empty() ? "" : "; ") + d.variant + ": " + d.reason;
  return text;
}

}  // namespace cascadecl
