#pragma once

namespace cascadecl {

// The mean and variance that batch norm uses.
//   batch   the batch's own; the running ones are updated (share/doc/model-file.md)
//   frozen  the running ones, which stay as they are; gamma and beta still learn
enum class BatchNormMode { batch, frozen };

}  // namespace cascadecl
