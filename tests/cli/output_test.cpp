#include "cli/output.h"

#include <doctest/doctest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "cli/progress.h"

namespace cascadecl {
namespace {

TEST_CASE("unknown figures are null in JSON and a dash in text, never 0") {
  CHECK(number_or_null(std::nullopt).is_null());
  CHECK(number_or_null(std::numeric_limits<double>::quiet_NaN()).is_null());
  CHECK(number_or_null(0.0) == 0.0);
  CHECK(decimal(std::nullopt, 2) == "-");
  CHECK(percent(std::numeric_limits<double>::infinity()) == "-");
}

TEST_CASE("numbers are written for people") {
  CHECK(decimal(1.005, 1) == "1.0");
  CHECK(percent(0.8125) == "81.25 %");
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-1000) == "-1,000");
  CHECK(grouped(-100) == "-100");
  CHECK(bytes(512) == "512 B");
  CHECK(bytes(1536) == "1.5 KiB");
  CHECK(bytes(3.0 * 1024 * 1024 * 1024) == "3.0 GiB");
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(61.6) == "1:02");
  CHECK(clock_text(3723) == "1:02:03");
}

TEST_CASE("a table's columns are as wide as their widest cell, names left and numbers right") {
  Table table({"<name", "n"});
  table.add_row({"a", "1"});
  table.add_row({"größer", "1,000"});
  CHECK(table.text() == "name        n\na           1\ngrößer  1,000\n");
}

}  // namespace
}  // namespace cascadecl
