#pragma once
#include <memory>
#include <string>

#include "data/dataset.h"

namespace cascadecl {

// The split named by `--data FILE[:split]`; without a split the one called `split`. Throws UsageError naming --data,
// FileError.
std::unique_ptr<Dataset> open_data(const std::string& data, const std::string& split);

}  // namespace cascadecl
