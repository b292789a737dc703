#include "cli/dataset_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/output.h"

namespace cascadecl {
nlohmann::ordered_json dataset_info_json(const DatasetFacts& facts) {
  const DatasetHeader& header = facts.header;
  nlohmann::ordered_json splits = nlohmann::ordered_json::array();
  for (const DatasetFacts::Split& split : facts.splits) {
    splits.push_back({{"name", split.name},
                      {"images", split.images},
                      {"images_per_class", split.per_class},
                      {"chunk_images", split.chunk_images ? nlohmann::ordered_json(split.chunk_images) : nullptr},
                      {"filters", split.filters},
                      {"stored_bytes", split.stored_bytes}});
  }
  return {{"name", header.name},
          {"image_shape", {header.dims.channels, header.dims.height, header.dims.width}},
          {"classes", header.classes()},
          {"label_names", header.label_names},
          {"mean", header.mean},
          {"std", header.std},
          {"color_order", header.color_order},
          {"file_bytes", facts.file_bytes},
          {"splits", splits}};
}

std::string dataset_info_text(const DatasetFacts& facts) {
  const DatasetHeader& header = facts.header;
  std::string text = fmt::format(
      "dataset    {}\nimages     {}x{}x{} (channels x height x width), {}\nclasses    {}\nmean       {:.4f}\n"
      "std        {:.4f}\nfile       {}\n\n",
      header.name, header.dims.channels, header.dims.height, header.dims.width, header.color_order, header.classes(),
      fmt::join(header.mean, " "), fmt::join(header.std, " "), bytes(static_cast<double>(facts.file_bytes)));
  Table sizes({"<split", "images", "stored", "<filters"});
  std::vector<std::string> titles = {"class", "<name"};
  for (const DatasetFacts::Split& split : facts.splits) {
    sizes.add_row({split.name, grouped(split.images), bytes(static_cast<double>(split.stored_bytes)),
                   fmt::format("{}", fmt::join(split.filters, ", "))});
    titles.push_back(split.name);
  }
  Table classes(titles);
  for (std::size_t k = 0; k < header.label_names.size(); ++k) {
    std::vector<std::string> row = {std::to_string(k), header.label_names[k]};
    for (const DatasetFacts::Split& split : facts.splits) row.push_back(grouped(split.per_class.at(k)));
    classes.add_row(row);
  }
  return text + sizes.text() + "\n" + classes.text();
}

void print_dataset_info(const std::filesystem::path& file, bool json) {
  const DatasetFacts facts = describe_dataset(file);
  if (json) {
    print_json(dataset_info_json(facts));
  } else {
    print(dataset_info_text(facts));
  }
}

}  // namespace cascadecl
