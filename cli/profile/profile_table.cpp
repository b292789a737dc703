#include "cli/profile/profile_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace cascadecl {
namespace {

std::string cell(const ProfileField& field) {
  if (field.number) return fmt::format("{:.6g}", *field.number);
  return field.count ? std::to_string(*field.count) : field.text;
}

// RFC 4180.
std::string csv_cell(const ProfileField& field) {
  std::string text = cell(field);
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  for (std::size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at + 2)) text.insert(at, 1, '"');
  return '"' + text + '"';
}

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
