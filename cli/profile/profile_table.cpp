#include "cli/profile/profile_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/csv.h"

namespace cascadecl {
namespace {

std::string cell(const ProfileField& field) {
  if (field.number) return fmt::format("{:.6g}", *field.number);
  return field.count ? std::to_string(*field.count) : field.text;
}

std::string csv_cell(const ProfileField& field) { return csv_field(cell(field)); }

std::string markdown_cell(const ProfileField& field) {
  std::string text = cell(field);
  std::replace(text.begin(), text.end(), '|', '/');
  return text;
}

}  // namespace

std::string profile_csv(const ProfileRecord& record) {
  std::string text;
  const auto add_line = [&](const ProfiledWorkload& workload, const auto& cell_of) {
    std::string line;
    for (const ProfileField& field : workload_fields(record, workload))
      line += (line.empty() ? "" : ",") + cell_of(field);
    text += line + "\n";
  };
  add_line(record.profile.cascade(), [](const ProfileField& field) { return std::string(field.name); });
  for (const ProfiledWorkload& workload : record.profile.workloads) add_line(workload, csv_cell);
  return text;
}

std::string profile_markdown(const ProfileRecord& record) {
  std::string text = "|", line = "|";
  for (const ProfileField& field : workload_fields(record, record.profile.cascade())) {
    text += fmt::format(" {} |", field.name);
    line += "---|";
  }
  text += "\n" + line + "\n";
  for (const ProfiledWorkload& workload : record.profile.workloads) {
    text += "|";
    for (const ProfileField& field : workload_fields(record, workload))
      text += fmt::format(" {} |", markdown_cell(field));
    text += "\n";
  }
  return text;
}

}  // namespace cascadecl
