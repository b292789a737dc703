#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace cascadecl {

// How an image's stop probability pi_t at stage t becomes a decision. The last stage always stops.
//   argmax     stops where pi_t >= 0.5 (the paper at test time)
//   sample     stops with probability pi_t, drawn from seed, image and stage alone
//   threshold  stops where pi_t >= threshold
struct StopRule {
  enum class Kind { argmax, sample, threshold };
  Kind kind = Kind::argmax;
  double threshold = 0.5;  // 0..1, for Kind::threshold
  std::uint64_t seed = 0;  // for Kind::sample

  // The image stops at the stage where pi_t >= limit(image, stage).
  float limit(std::uint64_t image, std::size_t stage) const;
};

// "argmax", "sample" or "threshold T" with T in 0..1; throws UsageError otherwise. to_string gives the same text.
StopRule parse_stop_rule(std::string_view text);
std::string to_string(const StopRule& rule);

}  // namespace cascadecl
