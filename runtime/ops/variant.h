#pragma once
#include <string>

#include "runtime/tuning/tuning_key.h"

namespace cascadecl {

// Which kernel runs and why no faster one does (empty if the fastest does).
struct VariantChoice {
  std::string variant;  // "winograd", "direct", "strided", "gemm", "reference"
  std::string reason;
  TuningValues parameters = {};  // what its tunables were set to, empty where it has none
  TuningSource source = TuningSource::heuristic;
};

}  // namespace cascadecl
