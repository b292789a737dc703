#include "runtime/cascade/pipeline/stop_decision.h"

#include "runtime/ops/launch.h"

namespace cascadecl {

bool StopDecision::operator()(Passage& passage) const {
  const bool last = passage.stage + 1 == stages_;
  float& pi = passage.stop_probability.back();
  if (!settings_.policy) return last || !(pi < settings_.stop.limit(passage.number, passage.stage));
  const bool stop = last || score(passage) >= settings_.limit;
  pi = stop ? 1.0F : 0.0F;
  return stop;
}

double StopDecision::score(const Passage& passage) const {
  Visit visit{.stage = passage.stage, .image = passage.number, .stop_probability = passage.stop_probability.back()};
  const std::size_t c = to_size(classes_);
  for (std::size_t t = 0; t <= passage.stage; ++t)
    visit.probabilities.push_back(std::span(passage.probabilities).subspan(t * c, c));
  visit.label = passage.label;
  return settings_.policy->score(visit);
}

}  // namespace cascadecl
