#pragma once
#include <span>
#include <string_view>

#include "trainer/observer.h"

namespace cascadecl {

// Which epoch's parameters a stage has after its pretraining. best is the one of the best held-out accuracy, the first
// of equals.
enum class KeepEpoch { last, best };
std::string_view to_string(KeepEpoch keep);

// Of the epochs of a stage so far, the one of the best held-out accuracy, the first of equals. Counts from 1; 0 if no
// epoch has a held-out accuracy.
int best_epoch(std::span<const EpochRecord> epochs);

// Whether a stage ends after these epochs of its pretraining: all are done, or the best one lies `patience` epochs or
// more behind. patience 0: all are to be done.
bool ends_after(std::span<const EpochRecord> epochs, int all, int patience);

}  // namespace cascadecl
