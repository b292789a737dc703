#pragma once
#include "trainer/training.h"

namespace cascadecl {

// Makes sure that each phase fits into the device's memory with the batch size of the settings: takes the largest that
// does where the settings allow a smaller one, else throws DeviceError naming it.
void fit_batch(Training& training);

}  // namespace cascadecl
