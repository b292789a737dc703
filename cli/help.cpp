#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/help_text.h"
#include "cli/output.h"
#include "cli/version.h"
#include "data/files/error.h"

namespace cascadecl {
namespace {

constexpr std::string_view about = "Trains and runs cascades of image classifiers in OpenCL: easy images leave early.";

std::string manual() {
  std::string text = fmt::format(
      ".TH CASCADECL 1 \"\" \"cascadecl {}\"\n.SH NAME\ncascadecl \\- trains and runs cascades of image classifiers\n"
      ".SH SYNOPSIS\ncascadecl COMMAND [arguments]\n.SH DESCRIPTION\n{}\n.SH COMMANDS\n",
      version, about);
  for (const CommandEntry& command : commands())
    text += fmt::format(".TP\n.B {}\n{}\n", command.name, manual_text(command.summary));
  return text + exit_status_manual();
}

}  // namespace

std::string usage() {
  std::string text = fmt::format("usage: cascadecl COMMAND [arguments]\n\n{}\n\ncommands:\n", about);
  for (const CommandEntry& command : commands()) text += fmt::format("  {:9} {}\n", command.name, command.summary);
  return text +
         "\ncascadecl help COMMAND shows the flags of a command, cascadecl --version the version.\n"
         "Exit status: 0 done, 1 failed while running, 2 wrong usage, 3 no such device, 4 bad input file,\n"
         "5 measurement not possible.\n";
}

void run_help(const Arguments& arguments) {
  Arguments words = arguments;
  std::string form = "--help";
  if (!words.empty() && words.front().starts_with("--")) {
    if (words.front() == "--commands") return print(fmt::format("{}\n", fmt::join(command_lines(), "\n")));
    if (words.front() == "--man" || words.front() == "--flags") {
      form = words.front() == "--man" ? "--help=man" : "--help=flags";
    } else if (words.front() != "--help") {
      throw UsageError(fmt::format("unknown flag '{}': expected --commands, --flags or --man", words.front()));
    }
    words.erase(words.begin());
  }
  if (words.empty()) return print(form == "--help=man" ? manual() : form == "--help" ? usage() : "");
  const CommandEntry& command = find_command(words.front());
  if (&command == &find_command("help")) return print(form == "--help" ? usage() : "");
  const bool action = words.size() > 1 && std::ranges::find(command.actions, words[1]) != command.actions.end();
  if (words.size() > (action ? 2 : 1))
    throw UsageError(fmt::format("'{}' is no command (see cascadecl --help)", fmt::join(words, " ")));
  command.run(action ? Arguments{words[1], form} : Arguments{form});
}

}  // namespace cascadecl
