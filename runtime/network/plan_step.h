#pragma once
#include <string>
#include <vector>

#include "runtime/ops/variant.h"

namespace cascadecl {

// One launch of a plan, for reports.
struct PlanStep {
  std::string layers;                   // the layers it computes: "block1/unit1/bn1 + relu1 + conv1"
  std::string operation = "forward";    // or what of the backward pass: "gradient by filters", "batch norm sums", ...
  std::string variant;                  // the kernel's name: "winograd", "gemm", "reference", ...
  std::string reason;                   // why the fastest variant does not run; empty if it does
  std::vector<Declined> declined = {};  // the faster variants and why they cannot run, the fastest first
  double mmac = 0;                      // multiply-adds for one image
  TuningValues parameters = {};         // what the kernel's tunables are set to, empty where it has none,
  TuningSource source = TuningSource::heuristic;  // and by whom
};

}  // namespace cascadecl
