#include "data/files/random.h"

#include "runtime/cascade/policies/policy_choice.h"

namespace cascadecl {
namespace {

// One minus a number uniform in (0, 1]: with the limit 1 - p an image stops with probability p.
class RandomScore : public StoppingScore {
 public:
  explicit RandomScore(std::uint64_t seed) : seed_(seed) {}
  double of(const Visit& visit) const override {
    const std::uint64_t counter = static_cast<std::uint64_t>(RandomPurpose::random_policy) << 48 | visit.stage;
    return 1 - (philox(seed_, visit.image, counter)[0] + 1.0) * 0x1p-32;
  }
  double limit_of(double probability) const override { return 1 - probability; }
  double parameter_of(double limit) const override { return 1 - limit; }

 private:
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<StoppingScore> make_random_score(std::uint64_t seed) { return std::make_unique<RandomScore>(seed); }

}  // namespace cascadecl
