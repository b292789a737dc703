#pragma once
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/ops/trials/trial.h"

namespace cascadecl {

// One use of a kernel with tunables: what the tuner may set, and how to run it. A step tells its uses, and the tuner
// tries each.
struct TuningUse {
  TuningKey key;
  std::function<std::vector<TuningValues>()> candidates;  // what runs without the user's own tuning first
  std::size_t floats = 0;                                 // of the largest activation, for one image
  double work = 0;                                        // multiply-adds, or values touched, for one image
  std::string fusion;  // what the trial depends on besides the key: uses that agree in both are tried once
  MakeTrial trial;
  std::string layers = {};  // where it occurs
};
using TuningUses = std::vector<TuningUse>;

// Puts `more` at the end of `uses`.
inline void append(TuningUses& uses, TuningUses more) {
  for (TuningUse& use : more) uses.push_back(std::move(use));
}

}  // namespace cascadecl
