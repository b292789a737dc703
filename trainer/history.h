#pragma once
#include <string>
#include <vector>

#include "trainer/observer.h"

namespace cascadecl {

// The history of a training, as model files and checkpoints keep it: a JSON list of epochs.
std::string history_to_json(const std::vector<EpochRecord>& history);
std::vector<EpochRecord> history_from_json(const std::string& json);  // throws FileError

}  // namespace cascadecl
