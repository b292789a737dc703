#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/energy/meter.h"
#include "runtime/opencl/device.h"
#include "trainer/checkpoint.h"
#include "trainer/observer.h"
#include "trainer/settings.h"
#include "trainer/teacher.h"

namespace cascadecl {

// The state of a training, as its phases see it (train_phases.h). Refers to data and observer.
struct Training {
  TrainSettings settings;
  const Dataset& data;
  std::vector<Device> devices;  // one at least: the first runs all phases, the others pretrain stages beside it
  TrainObserver& observer;
  std::filesystem::path checkpoint;
  ValidationSplit split;         // of data: for the stages, and held out for the policies
  MeterEnvironment meters = {};  // where energy is measured, if the settings ask for it
  TrainState state = {};
  std::shared_ptr<const Teacher> teacher = {};  // that the settings name, if they do

  // Call one of the two first. Arguments and errors are those of train().
  void start(const std::optional<Model>& initial);
  void resume();

  // The F_t of the settings: of MACs, or as measured when the training started.
  std::vector<double> costs() const;
  // Moves on to `position`, or to the first phase after it that the settings ask for.
  void advance(TrainState::Position position);
  // Writes the checkpoint, if there is one.
  void save() const;
  // Keeps a finished epoch in the history and tells the observer.
  void record(const EpochRecord& epoch);
  // The settings, and the data that they were applied to, as JSON. A checkpoint fits only if these are the same.
  std::string identity() const;

  const Device& device() const { return devices.front(); }
  bool pretrains(int stage) const;  // whether it is for the pretrain phase, not trained elsewhere
  // In the pretrain phase: where the epochs of a stage begin in the history, those that it has done, and whether the
  // phase has nothing more to do for it. The epochs stand there one stage after the other.
  std::size_t first_epoch_of(int stage) const;
  std::span<const EpochRecord> epochs_of(int stage) const;
  bool pretrained(int stage) const;
  bool teaches(int stage) const;  // whether the stage learns from the teacher there
  int stage_count() const { return static_cast<int>(state.model.stages.size()); }
  bool has_policies() const { return !state.model.policies.empty(); }
  bool can_fit_answers() const { return has_policies() && !split.held_out.empty(); }
  std::vector<Network> networks() const;
  std::vector<Parameters> stage_parameters() const;
};

// Whether an entry of TrainSettings::stages is "MODEL#1", not the name of a network.
bool trained_elsewhere(const std::string& stage);

// A loss may stay finite for a step after the parameters are not: those must never reach a checkpoint.
// Throws TrainingError naming all the arguments; `flag` is the one to try a smaller value of.
void check_finite(const Parameters& parameters, const std::string& phase, const std::string& what, int epoch,
                  const std::string& flag);

}  // namespace cascadecl
