#pragma once
#include <string>

#include "runtime/tunables/tuning_key.h"

namespace cascadecl {

// One launch of a plan, for reports.
struct PlanStep {
  std::string layers;                 // the layers it computes: "block1/unit1/bn1 + relu1 + conv1"
  std::string operation = "forward";  // or what of the backward pass: "gradient by filters", "batch norm sums", ...
  std::string variant;                // the kernel's name: "winograd", "gemm", "reference", ...
  std::string reason;                 // why a faster variant declined; empty if none did
  double mmac = 0;                    // multiply-adds for one image
  TuningValues parameters = {};       // what the kernel's tunables are set to, empty where it has none,
  TuningSource source = TuningSource::heuristic;  // and by whom
};

}  // namespace cascadecl
