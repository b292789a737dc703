#include "runtime/foreign_text.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

using namespace cascadecl;

TEST_CASE("valid_utf8 keeps what is UTF-8 and replaces the rest") {
  CHECK(valid_utf8("").empty());
  const std::string good = "a \"quoted\" \\ \n \xC3\xA4 \xF0\x9F\x99\x82";
  CHECK(valid_utf8(good) == good);
  CHECK(valid_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(valid_utf8(valid_utf8("\xFF\xFE")) == valid_utf8("\xFF\xFE"));
}

TEST_CASE("shown_line writes out what a terminal would obey, and keeps all else") {
  CHECK(shown_line("photo \xC3\xA4 \xF0\x9F\x99\x82.png") == "photo \xC3\xA4 \xF0\x9F\x99\x82.png");
  CHECK(shown_line("a\nb\tc\r\x1B[31m\x7F") == "a\\nb\\tc\\x0d\\x1b[31m\\x7f");
  CHECK(shown_line("\xC2\x9B"
                   "31m \xC2\xA0") == "\\u009b31m \xC2\xA0");
  CHECK(shown_line("a\xFFz") == "a\xEF\xBF\xBDz");
}

TEST_CASE("check_json_depth counts lists and objects in each other, and no brackets in texts") {
  const auto error = [](const std::string& text) {
    return error_of<FileError>([&] { check_json_depth(text, "a.json"); });
  };
  const auto lists = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  CHECK(contains(error(lists(101)), "a.json: "));
  CHECK(contains(error(R"({"a": )" + lists(100) + "}"), "a.json: "));
  CHECK_NOTHROW(check_json_depth(lists(100), "a.json"));
  std::string many = "[";
  for (int i = 0; i < 1000; ++i) many += "{},";
  CHECK_NOTHROW(check_json_depth(many + "{}]", "a.json"));
  CHECK_NOTHROW(check_json_depth(R"([")" + std::string(1000, '[') + R"("])", "a.json"));
  CHECK_NOTHROW(check_json_depth(R"(["\")" + std::string(1000, '[') + R"("])", "a.json"));
  CHECK(contains(error(R"(["\\",)" + lists(100) + "]"), "a.json: "));
}
