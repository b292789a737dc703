#include "cli/image_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/csv.h"
#include "cli/output.h"
#include "runtime/foreign_text.h"

namespace cascadecl {

std::vector<RankedLabel> most_probable(std::span<const float> answer, int count) {
  std::vector<std::size_t> labels(answer.size());
  std::iota(labels.begin(), labels.end(), std::size_t{0});
  std::ranges::stable_sort(labels, std::ranges::greater{}, [&](std::size_t label) { return answer[label]; });
  labels.resize(std::min(labels.size(), static_cast<std::size_t>(count)));
  std::vector<RankedLabel> top;
  for (const std::size_t label : labels) top.push_back({label, answer[label]});
  return top;
}

nlohmann::ordered_json top_json(const Model& model, const std::vector<RankedLabel>& top) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const RankedLabel& of : top)
    all.push_back({{"label", of.label}, {"label_name", model.label_name(of.label)}, {"probability", of.probability}});
  return all;
}

std::string answers_text(const Model& model, std::span<const ImageAnswer> answers) {
  Table table({"<image", "label", "<name", "probability", "exit stage", "<network", "MMAC"});
  for (const ImageAnswer& image : answers) {
    for (std::size_t rank = 0; rank < image.top.size(); ++rank) {
      const RankedLabel& of = image.top[rank];
      std::vector<std::string> row = {rank == 0 ? shown_line(image.name) : "", std::to_string(of.label),
                                      shown_line(model.label_name(of.label)), decimal(of.probability, 4)};
      if (rank == 0)
        row.insert(row.end(), {std::to_string(image.exit_stage),
                               shown_line(model.stages[static_cast<std::size_t>(image.exit_stage)].network.name()),
                               decimal(model.macs_through(image.exit_stage) / 1e6, 2)});
      table.add_row(std::move(row));
    }
  }
  return table.text();
}

std::string answers_csv(const Model& model, std::span<const ImageAnswer> answers) {
  std::string text = "image,rank,label,label_name,probability,exit_stage,network,mmac,error\n";
  for (const ImageAnswer& image : answers) {
    if (!image.problem.empty()) text += fmt::format("{},,,,,,,,{}\n", csv_field(image.name), csv_field(image.problem));
    for (std::size_t rank = 0; rank < image.top.size(); ++rank)
      text +=
          fmt::format("{},{},{},{},{:.6g},{},{},{:.6g},\n", csv_field(image.name), rank + 1, image.top[rank].label,
                      csv_field(model.label_name(image.top[rank].label)), image.top[rank].probability, image.exit_stage,
                      csv_field(model.stages[static_cast<std::size_t>(image.exit_stage)].network.name()),
                      model.macs_through(image.exit_stage) / 1e6);
  }
  return text;
}

}  // namespace cascadecl
