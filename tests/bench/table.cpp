#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/bench/suite.h"

namespace cascadecl::bench {
namespace {

using nlohmann::ordered_json;

std::string cell(const ordered_json& row, const Column& column) {
  if (!row.contains(column.key) || row[column.key].is_null()) return "-";
  const ordered_json& value = row[column.key];
  if (value.is_string()) return value.get<std::string>();
  return fmt::format("{:.{}f}", value.get<double>(), std::max(column.digits, 0));
}

}  // namespace

void Table::add(const ordered_json& row) { rows_.push_back(row.dump()); }

std::string Table::markdown() const {
  std::string head = "|", rule = "|", body;
  for (const Column& column : columns_) {
    head += fmt::format(" {} |", column.title);
    rule += column.digits < 0 ? "---|" : "---:|";
  }
  for (const std::string& text : rows_) {
    const ordered_json row = ordered_json::parse(text);
    body += "|";
    for (const Column& column : columns_) body += fmt::format(" {} |", cell(row, column));
    body += "\n";
  }
  return fmt::format("{}\n\n{}\n{}\n{}", title_, head, rule, body);
}

ordered_json Table::json() const {
  ordered_json rows = ordered_json::array();
  for (const std::string& row : rows_) rows.push_back(ordered_json::parse(row));
  return {{"title", title_}, {"rows", rows}};
}

}  // namespace cascadecl::bench
