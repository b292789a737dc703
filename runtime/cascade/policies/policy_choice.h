#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/cascade/combine.h"
#include "runtime/cascade/policies/stopping_policy.h"

namespace cascadecl {

// The policies by name, and where they stop an image. `parameter` is the number after the colon of "NAME:parameter".
//   learned     pi of the model's own policy >= parameter, default 1/2 (paper, 4.3, at test time)
//   ann         the same with the exit functions fitted by supervision on frozen stages (Bolukbasi et al. 2017)
//   sample      with probability pi of the model's own policy, drawn from seed, image and stage alone; no parameter
//   static      only stage `parameter` runs, and answers; default: the last
//   confidence  largest label probability >= parameter
//   margin      largest minus second largest probability >= parameter
//   entropy     entropy of the probabilities, in nats, <= parameter
//   combined-confidence, combined-margin, combined-entropy  the same of the answer combined of the stages visited, with
//               the model's fitted weights (Combine::fitted)
//   agreement   the last `parameter` stages before it gave the same answer; default 1
//   random      with probability `parameter`, drawn from seed, image and stage alone
//   oracle      the answer is right; it reads the label, so it is an upper bound and no policy
enum class PolicyKind {
  learned,
  ann,
  sample,
  fixed,
  confidence,
  margin,
  entropy,
  combined_confidence,
  combined_margin,
  combined_entropy,
  agreement,
  random,
  oracle
};

struct PolicyChoice {
  PolicyKind kind = PolicyKind::learned;
  std::optional<double> parameter = {};  // none: its default
};

// All of them, in the order above.
std::span<const PolicyKind> policy_kinds();
// "learned", "static" for PolicyKind::fixed, ...
std::string_view to_string(PolicyKind kind);
PolicyKind parse_policy_kind(std::string_view name);  // throws UsageError that lists the names
// "confidence:0.8"; without a parameter the name alone. parse_policy_choice() reads it back, to the last digit. A
// threshold one step outside the range, which stops no image, is written so, too, but not read back.
std::string to_string(const PolicyChoice& choice);

// Reads such a text. A policy without a parameter in it gets its default, if it has one. Throws UsageError that lists
// the names, or names the parameter's range, or says that a policy needs a parameter or takes none.
PolicyChoice parse_policy_choice(std::string_view text);

// Whether the policy's parameter is a threshold that trades accuracy for cost: true for all but sample, static and
// oracle.
bool has_threshold(PolicyKind kind);
// Whether it needs the model's policies to run on the device.
bool asks_model(PolicyKind kind);
// Whether its score is of the combined answer, so that it needs the model's combination.
bool scores_combined(PolicyKind kind);

// What a score is made of beside its kind.
struct ScoreContext {
  std::uint64_t seed = 0;               // for sample and random
  CombinationWeights combination = {};  // the model's, for scores of the combined answer
};

// Throws UsageError for a score of the combined answer without a combination.
std::unique_ptr<StoppingScore> make_score(PolicyKind kind, const ScoreContext& context = {});
// A policy with its limit. Throws UsageError if it needs a parameter and has none, or has one and takes none, and as
// make_score(). PolicyKind::fixed decides by the stage alone; to run that one only, see single_stage().
StoppingPolicy make_policy(const PolicyChoice& choice, const ScoreContext& context = {});

// One each, for make_score().
std::unique_ptr<StoppingScore> make_learned_score();
std::unique_ptr<StoppingScore> make_sample_score(std::uint64_t seed);
std::unique_ptr<StoppingScore> make_static_score();
std::unique_ptr<StoppingScore> make_confidence_score();
std::unique_ptr<StoppingScore> make_margin_score();
std::unique_ptr<StoppingScore> make_entropy_score();
// Of A_k in the place of C_k.
std::unique_ptr<StoppingScore> make_combined_score(std::unique_ptr<StoppingScore> of_answer,
                                                   const CombinationWeights& combination);
std::unique_ptr<StoppingScore> make_agreement_score();
std::unique_ptr<StoppingScore> make_random_score(std::uint64_t seed);
std::unique_ptr<StoppingScore> make_oracle_score();

}  // namespace cascadecl
