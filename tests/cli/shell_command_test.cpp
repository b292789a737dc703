#include "cli/shell_command.h"

#include <doctest/doctest.h>
#include <stdio.h>

namespace cascadecl {
namespace {

// What a shell makes of a command line of words, one a line.
std::string words_of_shell(const std::string& line) {
  FILE* out = popen(("printf '%s\\n' " + line).c_str(), "r");
  REQUIRE(out);
  std::string text;
  for (int c = fgetc(out); c != EOF; c = fgetc(out)) text += static_cast<char>(c);
  pclose(out);
  return text;
}

TEST_CASE("a command shown is taken by a shell for the same words") {
  const std::vector<std::string> words = {
      "train", "my runs/m 1.h5", "it's",   "$HOME", "*",           "a;b", "`x`", "back\\slash",
      "#no",   "\"q\"",          "~/m.h5", "a&b",   "m\xC3\xBCll", ""};
  std::string expected;
  for (const std::string& word : words) expected += word + "\n";
  CHECK(words_of_shell(shell_command(words)) == expected);
}

TEST_CASE("plain words stand as they are") {
  CHECK(shell_command({"cascadecl", "train", "--data", "a/b_1.h5:train", "--alpha=0.1,2"}) ==
        "cascadecl train --data a/b_1.h5:train --alpha=0.1,2");
}

}  // namespace
}  // namespace cascadecl
