#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/number_or_null.h"

namespace cascadecl {

// Results go to stdout and nowhere else. All functions throw OutputError if it cannot be written (full disk).
void print(std::string_view text);
void print_line(std::string_view text);
void print_json(const nlohmann::ordered_json& result);       // indented, with a line end
void print_json_line(const nlohmann::ordered_json& result);  // on one line
void flush_output();                                         // at the end of every run

// Unknown figures in text are "-".
std::string decimal(std::optional<double> value, int digits);
std::string percent(std::optional<double> share, int digits = 2);  // 0.8125 -> "81.25 %"
std::string grouped(long long value);                              // 1234567 -> "1,234,567"
std::string bytes(double count);                                   // "12.3 MiB"

// A text table: columns as wide as their widest cell, a header line, numbers to the right.
class Table {
 public:
  // A title that begins with '<' is of a column aligned to the left (the '<' is not printed).
  explicit Table(const std::vector<std::string>& titles);
  void add_row(std::vector<std::string> cells);  // one cell for each title
  std::string text() const;

 private:
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;  // the first is the header
};

}  // namespace cascadecl
