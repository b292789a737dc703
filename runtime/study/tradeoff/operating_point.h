#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "runtime/study/tradeoff/sweep_file.h"

namespace cascadecl {

// A quantity over runs that differ only in their seed.
struct Spread {
  int runs = 0;
  double mean = 0;
  std::optional<double> deviation;  // standard deviation of the sample, with runs - 1; empty for a single run
};

Spread spread(const std::vector<double>& values);  // at least one

// The runs of a sweep that differ only in their seed, brought together.
struct OperatingPoint {
  std::string policy, combine;
  std::string joint_loss;  // see SweepPoint
  std::optional<double> parameter, alpha;
  int runs = 0;
  Spread top1, mmac_per_image, mac_fraction;
  std::optional<Spread> ms_per_image, mj_per_image;  // of the runs where it is known
  std::vector<double> exit_shares;                   // mean share of images that left at each stage; may be empty
};

// In the order of first appearance.
std::vector<OperatingPoint> operating_points(const Sweep& sweep);

// The joint losses of points, each once, in the order of first appearance.
std::vector<std::string> joint_losses(const std::vector<OperatingPoint>& points);

// The point of a policy under a joint loss that the paper's Table 2 shows: the cheapest whose mean accuracy is at least
// `top1`, or the most accurate one if there is none. Empty if there is no point of this policy.
std::optional<std::size_t> matching_point(const std::vector<OperatingPoint>& points, const std::string& policy,
                                          const std::string& joint_loss, double top1);

// The learned policy's title: "Ours (S)" with frozen stages, "Ours" with stages trained by the paper's joint training,
// "Ours, jointly" by the cross-entropy of combined answers, "Ours (S), trained on" for the control; else the policy's
// own name.
std::string policy_title(const std::string& policy, const std::string& joint_loss);

}  // namespace cascadecl
