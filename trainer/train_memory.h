#pragma once
#include "trainer/training.h"

namespace cascadecl {

// Makes sure that each phase fits into the devices' memory: where the settings leave the micro-batch open, takes the
// largest that does, at most the batch, and tells the observer if it is less; else throws DeviceError naming it.
// settings.micro_batch is then 0 or less than the batch size.
void fit_batch(Training& training);

}  // namespace cascadecl
