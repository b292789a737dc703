#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/cascade/model.h"
#include "trainer/epoch_progress.h"
#include "trainer/observer.h"

namespace cascadecl {

// The state of a training. Stages, policies and history so far are a model; the rest is needed to continue it bit by
// bit.
struct TrainState {
  enum class Position { pretrain, policy, joint, frontier, done };
  Position position = Position::pretrain;
  std::vector<EpochProgress> progress;  // pretrain: of each stage; policy and joint: a single one, of the phase
  bool policies_due = false;            // joint: the epoch's policies are still to be trained
  std::vector<Parameters> momentum;     // pretrain: of each stage, empty: zero; joint: of all stages, or none: zero
  std::vector<Parameters> best;         // pretrain: of each stage, of its best epoch so far; empty: none is kept
  std::vector<Policy> policy_momentum;  // policy: of all policies, or none: zero
  std::vector<EpochRecord> history;
  std::vector<double> relative_costs;  // [stages] F_t, measured once; empty where no policies are trained
  Model model;
};

// A checkpoint is a model file with the group /checkpoint (share/doc/model-file.md). `settings` is
// to_json(TrainSettings) with the identity of the data: resuming under other settings would give the result of neither.
struct Checkpoint {
  TrainState state;
  std::string settings;
};

// Atomic, as write_model. Throws OutputError.
void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
// Throws FileError if the file is no checkpoint or is damaged.
Checkpoint read_checkpoint(const std::filesystem::path& path);

}  // namespace cascadecl
