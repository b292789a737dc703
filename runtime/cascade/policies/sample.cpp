#include "data/files/random.h"
#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// The stop probability minus a number uniform in (0, 1]: at the limit 0 an image stops with that probability.
class SampleScore : public StoppingScore {
 public:
  explicit SampleScore(std::uint64_t seed) : seed_(seed) {}
  double of(const Visit& visit) const override {
    // Multiples of 2^-24: a probability of 0 never stops, one of 1 always does.
    const std::uint64_t counter = static_cast<std::uint64_t>(RandomPurpose::sample_policy) << 48 | visit.stage;
    return visit.stop_probability - ((philox(seed_, visit.image, counter)[0] >> 8) + 1) * 0x1p-24;
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<StoppingScore> make_sample_score(std::uint64_t seed) { return std::make_unique<SampleScore>(seed); }

}  // namespace cascadecl
