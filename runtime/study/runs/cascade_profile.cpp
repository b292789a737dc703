#include "runtime/study/runs/cascade_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/policies/replay.h"
#include "runtime/energy/profile_energy.h"
#include "runtime/study/answers/accuracy.h"
#include "runtime/study/answers/label_probabilities.h"
#include "runtime/study/runs/evaluation.h"

namespace cascadecl {
namespace {

using Role = ProfiledWorkload::Role;

double top1_of(const CascadeResult& result, std::span<const std::int32_t> labels) {
  AccuracyCount count;
  count.add(result.answer, labels);
  return count.top1();
}

// Images, and their labels, that are measured together.
struct ImageSet {
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
};

// The executors of a profile and what they run on. Workloads refer to it.
class Bench {
 public:
  Bench(const Model& model, const std::vector<Device>& devices, std::span<const std::uint8_t> images,
        std::span<const std::int32_t> labels, const ExecutorSettings& settings, CascadeProfile& profile)
      : model_(model), devices_(devices), images_(images), labels_(labels), settings_(settings), profile_(profile) {
    settings_.time_stages = true;
    settings_.on_failure = OnDeviceFailure::stop;  // figures of two devices in one would be of none
    cascade_ = std::make_unique<CascadeExecutor>(model, devices, settings_);
    cascade_->warm_up();
    const CascadeResult result = cascade_->classify(images, 0, labels);
    describe(result);
    add_cascade(result);
    if (model.stages.size() > 1) add_without_policies(result);
    for (std::size_t k = 0; k < model.stages.size(); ++k) add_stage(result, k);
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const std::vector<Workload>& workloads() const { return workloads_; }

 private:
  void describe(const CascadeResult& result) {
    profile_.images = result.images;
    for (std::size_t k = 0; k < model_.stages.size(); ++k) {
      ProfiledStage stage{.network = model_.stages[k].network.name(),
                          .device = devices_[k].info().name,
                          .mmac = model_.stage_macs(k) / 1e6,
                          .entered = result.stages[k].entered,
                          .stopped = result.stages[k].stopped};
      profile_.mmac_per_image += stage.mmac * static_cast<double>(stage.entered) / static_cast<double>(result.images);
      profile_.stages.push_back(std::move(stage));
    }
    profile_.top1 = top1_of(result, labels_);
  }

  void add(Role role, const std::string& name, std::size_t stage, double mmac, const CascadeResult& result,
           std::span<const std::int32_t> labels, std::function<void()> run) {
    profile_.workloads.push_back({role, name, stage, result.images, mmac, top1_of(result, labels), {}});
    workloads_.push_back({name, std::move(run), result.images});
  }

  void add_cascade(const CascadeResult& result) {
    add(Role::cascade, "cascade", 0, profile_.mmac_per_image, result, labels_, [this] {
      const CascadeResult again = cascade_->classify(images_, 0, labels_);
      for (std::size_t k = 0; k < profile_.stages.size(); ++k) {
        profile_.stages[k].ms.values.push_back(again.stages[k].seconds * 1e3);
        profile_.stages[k].policy_ms.values.push_back(again.stages[k].policy_seconds * 1e3);
      }
    });
  }

  void add_without_policies(const CascadeResult& result) {
    ExecutorSettings settings = settings_;
    settings.policy = make_replay_policy(result.exit_stage);
    Model plain = model_;
    plain.policies.clear();
    replay_ = std::make_unique<CascadeExecutor>(plain, devices_, settings);
    replay_->warm_up();
    double mmac = 0;
    for (std::size_t k = 0; k < model_.stages.size(); ++k)
      mmac += network_mmac(k) * static_cast<double>(result.stages[k].entered) / static_cast<double>(result.images);
    add(Role::without_policies, "without policies", 0, mmac, replay_->classify(images_), labels_,
        [this] { replay_->classify(images_); });
  }

  void add_stage(const CascadeResult& result, std::size_t k) {
    stages_.push_back(std::make_unique<CascadeExecutor>(stage_alone(model_, k, devices_[k], settings_)));
    CascadeExecutor& stage = *stages_.back();
    ProfiledStage& of = profile_.stages[k];
    if (of.entered > 0 && of.entered < result.images) {
      sets_.push_back(std::make_unique<ImageSet>(survivors(result, k)));
      const ImageSet& set = *sets_.back();
      of.measured = workloads_.size();
      add(Role::survivors, fmt::format("stage {}", k), k, network_mmac(k), stage.classify(set.pixels), set.labels,
          [&stage, &set] { stage.classify(set.pixels); });
    }
    of.alone = workloads_.size();
    if (of.entered == result.images) of.measured = of.alone;
    add(Role::alone, fmt::format("alone {}", k), k, network_mmac(k), stage.classify(images_), labels_,
        [this, &stage] { stage.classify(images_); });
  }

  ImageSet survivors(const CascadeResult& result, std::size_t stage) const {
    const std::size_t bytes = images_.size() / static_cast<std::size_t>(result.images);
    ImageSet set;
    for (std::size_t i = 0; i < result.exit_stage.size(); ++i) {
      if (result.exit_stage[i] < static_cast<int>(stage)) continue;
      const auto pixels = images_.subspan(i * bytes, bytes);
      set.pixels.insert(set.pixels.end(), pixels.begin(), pixels.end());
      set.labels.push_back(labels_[i]);
    }
    return set;
  }

  double network_mmac(std::size_t k) const { return static_cast<double>(model_.stages[k].network.macs()) / 1e6; }

  const Model& model_;
  const std::vector<Device>& devices_;
  std::span<const std::uint8_t> images_;
  std::span<const std::int32_t> labels_;
  ExecutorSettings settings_;
  CascadeProfile& profile_;
  std::unique_ptr<CascadeExecutor> cascade_, replay_;
  std::vector<std::unique_ptr<CascadeExecutor>> stages_;
  std::vector<std::unique_ptr<ImageSet>> sets_;
  std::vector<Workload> workloads_;
};

std::size_t largest_alone(const CascadeProfile& profile) {
  const auto largest = std::ranges::max_element(
      profile.workloads, {}, [](const ProfiledWorkload& w) { return w.role == Role::alone ? w.mmac_per_image : -1; });
  return static_cast<std::size_t>(largest - profile.workloads.begin());
}

// The share of the measuring time that went into reading meters.
std::optional<double> sampling_share(const Measurement& measurement) {
  double sampling_s = 0, window_s = 0;
  for (const WorkloadWindows& workload : measurement.workloads)
    for (const MeasurementWindow& window : workload.windows) {
      if (window.energy.domains.empty()) return std::nullopt;
      sampling_s += window.energy.sampling_s;
      window_s += window.seconds;
    }
  return sampling_s / window_s;
}

// The values of each workload in one unit, or none where one is not known.
template <class Value>
std::optional<CostBreakdown> breakdown(const CascadeProfile& profile, const Value& value) {
  if (profile.stages.size() < 2) return std::nullopt;
  for (const ProfiledWorkload& workload : profile.workloads)
    if (!value(workload)) return std::nullopt;
  const Sample &whole = *value(profile.workloads[0]), &plain = *value(profile.workloads[1]);
  CostBreakdown result{.whole = whole.mean(), .policies = welch(plain, whole)};
  double error = plain.ci95().value_or(0);
  for (const ProfiledStage& stage : profile.stages) {
    if (!stage.measured) continue;
    const Sample& alone = *value(profile.workloads[*stage.measured]);
    const double share = static_cast<double>(stage.entered) / static_cast<double>(profile.images);
    result.stages += share * alone.mean();
    error = std::hypot(error, share * alone.ci95().value_or(0));
  }
  result.residual.mean = plain.mean() - result.stages;
  if (plain.ci95()) result.residual.ci95 = error;
  return result;
}

void add_breakdowns(CascadeProfile& profile) {
  profile.ms = breakdown(profile, [](const ProfiledWorkload& w) { return &w.figures.ms_per_image; });
  const auto known = [](const std::optional<Sample>& sample) { return sample ? &*sample : nullptr; };
  profile.mj = breakdown(profile, [&](const ProfiledWorkload& w) { return known(w.figures.total_mj_per_image); });
  profile.marginal_mj =
      breakdown(profile, [&](const ProfiledWorkload& w) { return known(w.figures.marginal_mj_per_image); });
}

double saving(double cost, double of) { return 1 - cost / of; }

}  // namespace

int profile_windows(std::size_t stages, int repeats) {
  const std::size_t workloads = stages == 1 ? 2 : 2 * stages + 1;
  return static_cast<int>(workloads) * repeats;
}

CascadeProfile profile_cascade(const Model& trained, const std::vector<Device>& devices,
                               std::span<const std::uint8_t> images, std::span<const std::int32_t> labels,
                               const MeterDiscovery& meters, const CascadeProfileSettings& settings) {
  CascadeProfile profile;
  Model model = trained;
  ExecutorSettings executor = settings.executor;
  obey_decision(model, executor);
  const Bench bench(model, devices, images, labels, executor, profile);
  profile.largest = largest_alone(profile);
  profile.largest_mmac = std::max(settings.largest_mmac, profile.workloads[profile.largest].mmac_per_image);
  profile.mac_fraction = profile.mmac_per_image / profile.largest_mmac;
  profile.idle_state = machine_state(settings.environment, meters.meters);
  MeasureOptions options = settings.measure;
  options.warm = [&] { profile.warm_state = machine_state(settings.environment, meters.meters); };
  const Measurement measurement = measure_workloads(meters.meters, bench.workloads(), options);

  for (std::size_t i = 0; i < profile.workloads.size(); ++i)
    profile.workloads[i].figures = workload_figures(measurement, i, meters.complete);
  profile.idle = idle_power(measurement, meters.complete);
  profile.attempts = meters.attempts;
  for (const auto& more : {measurement.attempts, stood_still(measurement)})
    profile.attempts.insert(profile.attempts.end(), more.begin(), more.end());
  const WorkloadFigures& whole = profile.cascade().figures;
  if (whole.total_mj_per_image && !whole.mean_marginal_mj()) profile.attempts.push_back(marginal_lost(profile.idle));
  profile.sampling_share = sampling_share(measurement);
  add_breakdowns(profile);
  return profile;
}

double CascadeProfile::predicted_ms(const ProfiledWorkload& workload) const {
  return workloads[largest].figures.ms_per_image.mean() * share_of_largest(workload);
}

std::optional<double> CascadeProfile::predicted_mj(const ProfiledWorkload& workload) const {
  const auto& total = workloads[largest].figures.total_mj_per_image;
  if (!total) return std::nullopt;
  return total->mean() * share_of_largest(workload);
}

double CascadeProfile::predicted_saving(const ProfiledWorkload& workload) const {
  return saving(workload.mmac_per_image, largest_mmac);
}

double CascadeProfile::share_of_largest(const ProfiledWorkload& workload) const {
  return workload.mmac_per_image / workloads[largest].mmac_per_image;
}

std::optional<double> CascadeProfile::saving_ms(const ProfiledWorkload& workload) const {
  if (!largest_runs()) return std::nullopt;
  return saving(workload.figures.ms_per_image.mean(), workloads[largest].figures.ms_per_image.mean());
}

std::optional<double> CascadeProfile::saving_mj(const ProfiledWorkload& workload) const {
  const auto &cost = workload.figures.total_mj_per_image, &of = workloads[largest].figures.total_mj_per_image;
  if (!cost || !of || !largest_runs()) return std::nullopt;
  return saving(cost->mean(), of->mean());
}

}  // namespace cascadecl
