#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "cli/goal_flags.h"
#include "cli/options.h"
#include "runtime/study/tradeoff/decide.h"

namespace cascadecl {

// The flags of the commands that make a goal the model's decision: those of GoalFlags, and with one of them --policy,
// --combine and --test.
class BudgetFlags {
 public:
  void add_to(Options& options);

  // After parsing: what was asked for, if anything. Throws as GoalFlags::goal(), and UsageError for the other flags
  // without a target, for a policy without a threshold, and for --combine without --policy.
  std::optional<BudgetQuestion> question() const;

  const std::string& policy() const { return policy_; }

  // Finds point or threshold, makes it the model's decision and tells target, validation and, with --test, test
  // figures, for which the file of `data` ("FILE[:split]") is opened.
  nlohmann::ordered_json decide(const BudgetQuestion& question, Model& model, CascadeTable& table, const Device& device,
                                const Dataset& fitted_on, const std::string& data, int batch_size,
                                const MeterEnvironment& meters) const;
  // With --test: adds to a decision what it gives on that split after the stages have changed.
  void judge_refit(nlohmann::ordered_json& decision, const Model& model, const Device& device, const std::string& data,
                   int batch_size) const;
  // Throws FileError now if the images of --test are not there.
  void check_test(const std::string& data) const;

 private:
  std::shared_ptr<const Dataset> test_images(const Model& model, const std::string& data) const;

  const Options* options_ = nullptr;  // given to add_to, outlives this
  GoalFlags goal_;
  std::string policy_, test_;
  std::optional<Combine> combine_;
};

// The lines of a decision that decide() told.
std::string decision_text(const nlohmann::ordered_json& decision);

}  // namespace cascadecl
