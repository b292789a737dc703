#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/policies/policy_choice.h"
#include "runtime/cascade/policy.h"

namespace cascadecl {

// One way to run a cascade, and what it gave on the images that the frontier was fitted on.
struct FrontierPoint {
  PolicyChoice policy;  // with its parameter
  Combine combine = Combine::last;
  // Of learned policies: which of Frontier::policies they are, and the price of costs that they were trained for.
  std::optional<std::size_t> set = {};
  std::optional<double> alpha = {};
  double top1 = 0;            // share of right answers
  std::vector<double> exits;  // [stages], share of images that leave there; sums to 1
};

// The best ways to run a cascade, from the cheapest to the most accurate. A user's goal picks one of them, without any
// image.
struct Frontier {
  std::int64_t images = 0;                    // that it was fitted on
  std::vector<double> stage_top1;             // [stages], each alone on the same images
  std::vector<std::vector<Policy>> policies;  // sets of learned ones, each [stages - 1]
  std::vector<FrontierPoint> points;          // by multiply-adds, ascending; each more accurate than all before it

  bool empty() const { return points.empty(); }
};

// What a user wants of a cascade.
//   cost  the most accurate point that costs at most `value` an image
//   drop  the cheapest point that is at most `value` points (of 100) less accurate than the best stage alone
struct Goal {
  enum class Kind { cost, drop };
  Kind kind = Kind::drop;
  double value = 0.5;
};

// The cost of one image in each stage and in a policy, in one unit.
struct StageCosts {
  std::vector<double> stages;         // [K]
  std::vector<double> policies = {};  // [K - 1], where policies run on the device; empty where they cost nothing
};

// The mean cost of an image at a point.
double cost_of(const FrontierPoint& point, const StageCosts& costs);

// The point of a frontier that meets a goal. Throws Error naming the nearest value that can be reached; `unit` follows
// values in it ("ms an image").
const FrontierPoint& pick(const Frontier& frontier, const Goal& goal, const StageCosts& costs, std::string_view unit);

// Throws ShapeError if the parts do not fit each other or a cascade of so many stages.
void check_frontier(const Frontier& frontier, std::size_t stages);

}  // namespace cascadecl
