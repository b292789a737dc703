#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace cascadecl {

// A flag as help shows it.
struct FlagHelp {
  std::string name, letter, value, help;  // "output", "o" or "", "MODEL" or "" for a switch
};

struct FlagGroup {
  std::string title;
  std::vector<FlagHelp> flags;
};

struct Example {
  std::string command, what;  // "train --data photos.h5 ...", "a cascade of two stages"
};

// What --help knows of a command.
struct CommandHelp {
  std::string usage, summary;
  std::vector<FlagGroup> groups;
  std::vector<Example> examples;
};

// For a terminal of so many columns.
std::string help_text(const CommandHelp& help, std::size_t columns);
// The same as a page for man, in roff.
std::string help_manual(const CommandHelp& help);
// The flags, "--output", a line each.
std::string flag_lines(const CommandHelp& help);

// Text as roff takes it, and the part of a page on the exit status.
std::string manual_text(std::string_view text);
std::string exit_status_manual();

}  // namespace cascadecl
