#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "data/files/error.h"
#include "runtime/foreign_text.h"

namespace cascadecl {
namespace {

[[noreturn]] void fail() { throw OutputError(fmt::format("standard output: {}", std::strerror(errno))); }

void write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) fail();
}

// More than any path that one reads.
constexpr std::size_t most_in_cell = 200;

bool known(const std::optional<double>& value) { return value && std::isfinite(*value); }

// Characters shown by UTF-8 text: all bytes but those that continue a character.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void print(std::string_view text) { write(shown_text(text)); }

void print_line(std::string_view text) {
  print(text);
  print("\n");
}

// What is no UTF-8, in the name of a file say, is replaced rather than refused.
void print_json(const nlohmann::ordered_json& result) {
  write(result.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void print_json_line(const nlohmann::ordered_json& result) {
  write(result.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void flush_output() {
  if (std::fflush(stdout) != 0) fail();
}

std::string decimal(std::optional<double> value, int digits) {
  return known(value) ? fmt::format("{:.{}f}", *value, digits) : "-";
}

std::string percent(std::optional<double> share, int digits) {
  return known(share) ? fmt::format("{:.{}f} %", 100 * *share, digits) : "-";
}

std::string grouped(long long value) {
  std::string digits = std::to_string(value);
  const int first = value < 0 ? 1 : 0;
  for (int i = static_cast<int>(digits.size()) - 3; i > first; i -= 3) digits.insert(static_cast<std::size_t>(i), ",");
  return digits;
}

std::string bytes(double count) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  while (count >= 1024 && unit < 4) {
    count /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", count) : fmt::format("{:.1f} {}", count, units[unit]);
}

Table::Table(const std::vector<std::string>& titles) {
  std::vector<std::string> header;
  for (const std::string& title : titles) {
    left_.push_back(title.starts_with('<'));
    header.push_back(left_.back() ? title.substr(1) : title);
  }
  rows_.push_back(std::move(header));
}

void Table::add_row(std::vector<std::string> cells) {
  cells.resize(left_.size());
  for (std::string& cell : cells) cell = shown_line(cell, most_in_cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths(left_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      line += (i ? "  " : "") + (left_[i] ? row[i] + padding : padding + row[i]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace cascadecl
