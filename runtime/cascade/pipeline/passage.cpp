#include "runtime/cascade/pipeline/passage.h"

namespace cascadecl {

Visit Passage::visit(std::size_t classes) const {
  Visit visit{.stage = stage, .image = number, .stop_probability = stop_probability.back(), .label = label};
  for (std::size_t t = 0; t <= stage; ++t)
    visit.probabilities.push_back(std::span(probabilities).subspan(t * classes, classes));
  return visit;
}

}  // namespace cascadecl
