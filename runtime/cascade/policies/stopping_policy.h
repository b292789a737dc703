#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// What a stopping policy may look at once an image has been through a stage.
struct Visit {
  std::size_t stage = 0;                                   // just run
  std::uint64_t image = 0;                                 // its number in the dataset
  std::vector<std::span<const float>> probabilities = {};  // [stage + 1][classes], of all stages visited
  double stop_probability = 0;                             // of the model's own policy, where it ran
  std::optional<std::int32_t> label = {};                  // the true one, where it is known
};

// Decides whether an image leaves the cascade after a stage: it does where score() >= the limit. The last stage always
// stops. One file each beside this one.
class StoppingPolicy {
 public:
  virtual ~StoppingPolicy() = default;
  // Larger: surer that this stage is enough.
  virtual double score(const Visit& visit) const = 0;
  // Between what a user calls the policy's parameter, in its own unit, and the limit of its score.
  virtual double limit_of(double parameter) const { return parameter; }
  virtual double parameter_of(double limit) const { return limit; }
};

// The policies by name. `parameter` is what comes after the colon of "NAME:parameter".
//   learned     pi of the model's own policy >= parameter, default 1/2 (paper, 4.3)
//   ann         the same with the exit functions fitted by supervision on frozen stages (Bolukbasi et al. 2017)
//   static      stage `parameter` alone answers, none other runs; default: the last
//   confidence  largest label probability >= parameter
//   margin      largest minus second largest probability >= parameter
//   entropy     entropy of the probabilities, in nats, <= parameter
//   agreement   as many stages before it as parameter gave the same answer, one after the other; default 1
//   random      with probability `parameter`, drawn from seed, image and stage alone
//   oracle      the answer is right, which only the label tells: a bound, no policy
enum class PolicyKind { learned, ann, fixed, confidence, margin, entropy, agreement, random, oracle };

struct PolicyChoice {
  PolicyKind kind = PolicyKind::learned;
  std::optional<double> parameter = {};  // none: its default
};

// All of them, in the order above.
std::span<const PolicyKind> policy_kinds();
// "learned", "static" for PolicyKind::fixed, ...
std::string_view to_string(PolicyKind kind);
PolicyKind parse_policy_kind(std::string_view name);  // throws UsageError that lists the names
// "confidence:0.8"; without a parameter the name alone.
std::string to_string(const PolicyChoice& choice);

// Throws UsageError that lists the names, or names the parameter's range; and if a policy without a default has none.
PolicyChoice parse_policy_choice(std::string_view text);

// Whether the policy's parameter is a threshold that trades accuracy for cost, as of all but static and oracle.
bool has_threshold(PolicyKind kind);
// Whether it needs the model's policies to run on the device.
inline bool asks_model(PolicyKind kind) { return kind == PolicyKind::learned || kind == PolicyKind::ann; }

// seed: for random. PolicyKind::fixed decides by the stage alone; to run that one only, see single_stage().
std::unique_ptr<StoppingPolicy> make_policy(PolicyKind kind, std::uint64_t seed = 0);

// One each, for make_policy().
std::unique_ptr<StoppingPolicy> make_learned_policy();
std::unique_ptr<StoppingPolicy> make_static_policy();
std::unique_ptr<StoppingPolicy> make_confidence_policy();
std::unique_ptr<StoppingPolicy> make_margin_policy();
std::unique_ptr<StoppingPolicy> make_entropy_policy();
std::unique_ptr<StoppingPolicy> make_agreement_policy();
std::unique_ptr<StoppingPolicy> make_random_policy(std::uint64_t seed);
std::unique_ptr<StoppingPolicy> make_oracle_policy();

}  // namespace cascadecl
