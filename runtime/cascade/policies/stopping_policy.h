#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace cascadecl {

// The facts about an image that a stopping policy may use once a stage has run.
struct Visit {
  std::size_t stage = 0;                                   // the one that has just run
  std::uint64_t image = 0;                                 // its number in the dataset
  std::vector<std::span<const float>> probabilities = {};  // [stage + 1][classes], of all stages visited
  double stop_probability = 0;                             // of the model's own policy, where it ran
  std::optional<std::int32_t> label = {};                  // the true one, where it is known
};

// Tells how sure a policy is that an image needs no further stage. One file each beside this one.
class StoppingScore {
 public:
  virtual ~StoppingScore() = default;
  // Larger: surer.
  virtual double of(const Visit& visit) const = 0;
  // Converts between the parameter that a user gives, in its own unit, and the limit of the score.
  virtual double limit_of(double parameter) const { return parameter; }
  virtual double parameter_of(double limit) const { return limit; }
};

// Decides after each stage but the last whether an image leaves the cascade: it does where its score reaches the limit.
struct StoppingPolicy {
  std::shared_ptr<const StoppingScore> score;
  double limit = 0;
  // Whether the score is the stop probability of the model's own policies. Then these also weigh the answers
  // (Combine::reweight). Under any other policy the stage where an image left counts alone.
  bool asks_model = false;
};

// Whether an image leaves at a stage: always at the last one, elsewhere where its score reaches the limit. Pipelines
// and simulations all decide with this function. score() is called only where the answer depends on it.
template <class Score>
bool stops(std::size_t stage, std::size_t stages, double limit, const Score& score) {
  return stage + 1 == stages || score() >= limit;
}

}  // namespace cascadecl
