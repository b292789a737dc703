#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/cascade/executor.h"
#include "runtime/cascade/model.h"
#include "runtime/energy/machine_state.h"
#include "runtime/energy/workload_figures.h"
#include "runtime/statistics.h"

namespace cascadecl {

struct CascadeProfileSettings {
  ExecutorSettings executor;
  MeasureOptions measure;
  double largest_mmac = 0;       // of the stage that costs are compared with, if it is larger than all of the model
  MeterEnvironment environment;  // where the machine's state is read
};

// One run of a profile. Its figures are per image that it ran on.
//   cascade           all stages, as they are used
//   without_policies  the same images through the same stages, decided by the exits of an earlier run
//   survivors         one stage alone, on the images that reach it in the cascade
//   alone             one stage alone, on all images: the static control
struct ProfiledWorkload {
  enum class Role { cascade, without_policies, survivors, alone };
  Role role = Role::cascade;
  std::string name;       // "cascade", "without policies", "stage 1", "alone 1"
  std::size_t stage = 0;  // of survivors and alone
  std::int64_t images = 0;
  double mmac_per_image = 0;
  double top1 = 0;
  WorkloadFigures figures;

  bool one_stage() const { return role == Role::survivors || role == Role::alone; }
};

// One stage inside the runs of the cascade.
struct ProfiledStage {
  std::string network, device;
  double mmac = 0;  // for one image, the policy included
  std::int64_t entered = 0, stopped = 0;
  Sample ms, policy_ms;  // of a run over all images
  std::optional<std::size_t>
      measured;           // the workload of its survivors (alone, where all images enter); none if none do
  std::size_t alone = 0;  // the workload
};

// The parts of the cost of an image in the cascade, in one unit.
struct CostBreakdown {
  double whole = 0;
  double stages = 0;    // each stage alone on its survivors, together
  Difference policies;  // the cascade minus the one without policies
  Difference residual;  // the rest: finding and gathering survivors, what stages cost each other
};

struct CascadeProfile {
  std::int64_t images = 0;
  double top1 = 0, mmac_per_image = 0, mac_fraction = 0;
  std::vector<ProfiledWorkload> workloads;  // the cascade first
  std::vector<ProfiledStage> stages;
  std::size_t largest = 0;  // the workload of the largest stage alone, of those that run
  double largest_mmac = 0;  // of the stage that costs are compared with: that one, or a larger one that does not run

  std::optional<CostBreakdown> ms, mj, marginal_mj;  // empty where not known, and with a single stage
  IdlePower idle;
  std::vector<MeterAttempt> attempts;    // of discovery and since
  std::optional<double> sampling_share;  // of the measuring time that was spent reading meters
  MachineState idle_state, warm_state;   // before all, and directly after the last window

  const ProfiledWorkload& cascade() const { return workloads.front(); }
  // The cost of an image that the MACs of a workload predict from the largest stage alone; and the workload's saving
  // against the stage that costs are compared with, 1 - cost / cost. Empty where a cost is not known, as of a stage
  // that does not run.
  double predicted_ms(const ProfiledWorkload& workload) const;
  std::optional<double> predicted_mj(const ProfiledWorkload& workload) const;
  double predicted_saving(const ProfiledWorkload& workload) const;
  std::optional<double> saving_ms(const ProfiledWorkload& workload) const;
  std::optional<double> saving_mj(const ProfiledWorkload& workload) const;

 private:
  double share_of_largest(const ProfiledWorkload& workload) const;  // in MACs
  bool largest_runs() const { return workloads[largest].mmac_per_image >= largest_mmac; }
};

// The most windows that a profile of this many stages takes.
int profile_windows(std::size_t stages, int repeats);

// Measures time and, where the meters allow, energy of a cascade and its parts on images uint8 [N][C][H][W] with their
// labels [N], N >= 1, by measure_workloads(). All executors live at once. Throws as they and measure_workloads() do.
CascadeProfile profile_cascade(const Model& model, const std::vector<Device>& devices,
                               std::span<const std::uint8_t> images, std::span<const std::int32_t> labels,
                               const MeterDiscovery& meters, const CascadeProfileSettings& settings);

}  // namespace cascadecl
