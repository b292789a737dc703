#include "cli/open_data.h"

#include <fmt/format.h>

#include "cli/progress.h"
#include "data/dataset_file.h"
#include "data/files/error.h"
#include "runtime/study/answers/dataset_of_model.h"

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

std::shared_ptr<const Dataset> open_data(const std::string& data, const std::string& split, const Model& model,
                                         bool quiet) {
  DatasetOfModel of = dataset_of_model(model, open_data(data, split));
  for (const std::string& change : of.notes) note(change, quiet);
  return of.dataset;
}

}  // namespace cascadecl
