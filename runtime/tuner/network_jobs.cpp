#include "runtime/tuner/network_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/network/inference_plan.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/launch.h"
#include "runtime/ops/trials/operation_uses.h"
#include "runtime/tuner/policy_trial.h"

namespace cascadecl {
namespace {

constexpr int most_checked = 19;                           // odd, and more than two images for each of 8 slices
constexpr std::size_t most_floats = std::size_t{1} << 26;  // of an activation that is timed

// What a policy behind the stages of a cascade runs.
TuningUse policy_use(const Device& device, const Network& network, BatchClass batch) {
  const PolicySize policy{network.classes(), default_hidden(network.classes()), 0, PolicyInput::combined};
  const Lookup<PolicyTiling, PolicySize> lookup{policy_key(policy, device.channel_block(), batch), policy};
  return {.key = lookup.key,
          .candidates = [device, lookup] { return values_to_try(device, lookup); },
          .floats = to_size(policy.classes),
          .work = static_cast<double>(policy_weight_count(policy)),
          .fusion = {},
          .trial = policy_trial(policy),
          .layers = "policy"};
}

class Collector {
 public:
  explicit Collector(const Device& device) : device_(device) {}

  // What the plan of a network tells of its kernels, and what runs between the stages of a cascade.
  void add(const Network& network, int batch, bool train) {
    const Device rehearsal = device_.rehearsal();
    const Parameters parameters = zero_parameters(network);
    TuningUses uses;
    if (train) {
      uses = TrainingPlan(rehearsal, network, parameters, batch).tuning_uses();
      const std::size_t image = image_elements(network.input_shape(), device_.channel_block());
      TuningUses survivors = survivor_uses(device_, image, batch_class(batch));
      for (TuningUse& use : survivors) use.layers = "survivors";
      append(uses, std::move(survivors));
    } else {
      uses = InferencePlan(rehearsal, network, parameters, batch).tuning_uses();
      uses.push_back(policy_use(device_, network, batch_class(batch)));
    }
    for (TuningUse& use : uses) offer(network, batch, std::move(use));
  }

  std::vector<TuningJob> jobs() && {
    std::vector<TuningJob> jobs;
    for (auto& [key, found] : found_) jobs.push_back(std::move(found.job));
    std::ranges::stable_sort(jobs, std::greater<>(), &TuningJob::work);
    return jobs;
  }

 private:
  struct Found {
    TuningJob job;
    std::set<std::string> fusions;
  };

  void offer(const Network& network, int max_batch, TuningUse use) {
    const auto [found, fresh] = found_.try_emplace(use.key);
    TuningJob& job = found->second.job;
    if (fresh) {
      const auto images = static_cast<int>(
          std::clamp<std::size_t>(most_floats / std::max<std::size_t>(use.floats, 1), 1, to_size(max_batch)));
      job = {.key = use.key,
             .layers = fmt::format("{} {}", network.name(), use.layers),
             .candidates = use.candidates(),
             .images = images,
             .checked_images = std::min(images, most_checked),
             .max_batch = max_batch,
             .work = use.work * images,
             .uses = {}};
    }
    if (found->second.fusions.insert(use.fusion).second) job.uses.push_back(std::move(use.trial));
  }

  Device device_;
  std::map<TuningKey, Found> found_;
};

}  // namespace

std::vector<TuningJob> network_jobs(const Device& device, const std::vector<Network>& networks,
                                    const NetworkJobSettings& settings) {
  Collector collector(
      device.with_tuning(Tuning({{TuningSource::shipped, shipped_tuning(device.info().tuning_class())}})));
  for (const Network& network : networks) {
    for (const int batch : settings.batches) {
      if (settings.infer) collector.add(network, batch, false);
      if (settings.train) collector.add(network, batch, true);
    }
  }
  return std::move(collector).jobs();
}

}  // namespace cascadecl
