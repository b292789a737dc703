#pragma once
#include "trainer/training.h"

namespace cascadecl {

// Makes sure that each phase fits into the devices' memory. Where the settings leave the micro-batch open, it takes the
// largest that fits, at most the batch, and tells the observer if it is less. Otherwise it throws DeviceError naming
// the largest that fits. settings.micro_batch is then 0 or less than the batch size.
void fit_batch(Training& training);

}  // namespace cascadecl
