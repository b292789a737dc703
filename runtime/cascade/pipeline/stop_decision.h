#pragma once
#include <cstddef>

#include "runtime/cascade/executor_settings.h"
#include "runtime/cascade/pipeline/passage.h"

namespace cascadecl {

// Whether images leave the cascade, by the settings' stop rule or policy.
class StopDecision {
 public:
  StopDecision(const ExecutorSettings& settings, std::size_t stages, int classes)
      : settings_(settings), stages_(stages), classes_(classes) {}

  // After passage.stage has written its row of probabilities and the model's own stop probability, of which a policy
  // of the settings makes 1 where it stops, else 0.
  bool operator()(Passage& passage) const;

 private:
  double score(const Passage& passage) const;

  ExecutorSettings settings_;
  std::size_t stages_;
  int classes_;
};

}  // namespace cascadecl
