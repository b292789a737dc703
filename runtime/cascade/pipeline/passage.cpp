#include "runtime/cascade/pipeline/passage.h"

namespace cascadecl {

std::vector<std::span<const float>> Passage::rows(std::size_t stages, std::size_t classes) const {
  std::vector<std::span<const float>> rows;
  for (std::size_t t = 0; t < stages; ++t) rows.push_back(std::span(probabilities).subspan(t * classes, classes));
  return rows;
}

Visit Passage::visit(std::size_t classes) const {
  return {.stage = stage,
          .image = number,
          .probabilities = rows(stage + 1, classes),
          .stop_probability = stop_probability.back(),
          .label = label};
}

}  // namespace cascadecl
