#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "runtime/opencl/device.h"

// Benchmarks: each gives a table, as Markdown and as JSON.
namespace cascadecl::bench {

struct Settings {
  double seconds = 1;  // of measuring, for each item
  bool smoke = false;  // a few small items only: does it run at all?
};

// One column of numbers, or of text where `digits` is negative. `key` is its name in the JSON.
struct Column {
  std::string key, title;
  int digits = -1;
};

class Table {
 public:
  Table(std::string title, std::vector<Column> columns) : title_(std::move(title)), columns_(std::move(columns)) {}
  void add(const nlohmann::ordered_json& row);  // {key: text or number or null}
  std::string markdown() const;
  nlohmann::ordered_json json() const;

 private:
  std::string title_;
  std::vector<Column> columns_;
  std::vector<std::string> rows_;  // JSON text
};

Table kernels(const Device& device, const Settings& settings);
Table networks(const Device& device, const Settings& settings);
Table cascade(const Device& device, const Settings& settings);
Table start_up(const Device& device, const Settings& settings);

}  // namespace cascadecl::bench
