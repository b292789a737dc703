#include "cli/fitting_images.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/open_data.h"
#include "cli/output.h"
#include "data/dataset_file.h"
#include "data/files/error.h"
#include "data/loader.h"
#include "trainer/held_out.h"

namespace cascadecl {

std::string FittingImages::description() const {
  const auto count = static_cast<long long>(indices.size());
  return fmt::format("{} {}images of {}", grouped(count), count == dataset->size() ? "" : "held-out ", split);
}

FittingImages fitting_images(const Model& model, const std::string& data, bool quiet) {
  const std::string split = parse_data_spec(data).split;
  if (split == "test")
    throw UsageError("--data: nothing is fitted on the split test; name another one, or none for the held-out images");
  FittingImages images{open_data(data, "train", model, quiet), split.empty() ? "train" : split, {}};
  images.indices =
      images.split == "train" ? held_out_images(model, *images.dataset) : all_indices(images.dataset->size());
  return images;
}

std::string data_name(const std::string& data, const std::string& split) {
  const DataSpec spec = parse_data_spec(data);
  return fmt::format("{}:{}", spec.file.string(), spec.split.empty() ? split : spec.split);
}

std::string data_key(const std::string& data, const std::string& split) {
  const DataSpec spec = parse_data_spec(data);
  std::error_code error;
  const auto time = std::filesystem::last_write_time(spec.file, error).time_since_epoch().count();
  return fmt::format("{}:{} {} bytes, changed {}", std::filesystem::weakly_canonical(spec.file, error).string(),
                     spec.split.empty() ? split : spec.split, std::filesystem::file_size(spec.file, error), time);
}

}  // namespace cascadecl
