#include "cli/open_data.h"

#include <fmt/format.h>

#include "data/dataset_file.h"
#include "data/files/error.h"

namespace cascadecl {

std::unique_ptr<Dataset> open_data(const std::string& data, const std::string& split) {
  DataSpec spec;
  try {
    spec = parse_data_spec(data);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--data: {}", error.what()));
  }
  return open_dataset(spec.file, spec.split.empty() ? split : spec.split);
}

}  // namespace cascadecl
