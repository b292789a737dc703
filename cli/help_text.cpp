#include "cli/help_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "cli/version.h"

namespace cascadecl {
namespace {

// "  -o, --output MODEL"
std::string left_side(const FlagHelp& flag) {
  std::string text = flag.letter.empty() ? "      " : fmt::format("  -{}, ", flag.letter);
  text += "--" + flag.name;
  return flag.value.empty() ? text : text + " " + flag.value;
}

// Words in lines of at most `columns`, each after the first behind `indent` spaces.
std::string wrapped(const std::string& text, std::size_t indent, std::size_t columns) {
  std::istringstream words(text);
  std::string all, word;
  std::size_t used = indent;
  while (words >> word) {
    if (used > indent && used + 1 + word.size() > columns) {
      all += "\n" + std::string(indent, ' ');
      used = indent;
    }
    all += (used > indent ? " " : "") + word;
    used += word.size() + (used > indent ? 1 : 0);
  }
  return all;
}

std::string first_sentence(const std::string& text) {
  const std::size_t end = text.find_first_of(".:");
  std::string sentence = text.substr(0, end);
  std::ranges::replace(sentence, '\n', ' ');
  return sentence;
}

// The command's words at the beginning of a usage: "data import".
std::string command_words(const std::string& usage) {
  std::istringstream words(usage);
  std::string all, word;
  while (words >> word && std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; }))
    all += (all.empty() ? "" : "-") + word;
  return all;
}

}  // namespace

std::string help_text(const CommandHelp& help, std::size_t columns) {
  constexpr std::size_t most_columns = 120;
  const std::size_t width = std::clamp<std::size_t>(columns, 60, most_columns);
  const std::size_t right = width < 90 ? 24 : 34;
  std::string text = fmt::format("usage: cascadecl {}\n\n{}\n", help.usage, help.summary);
  for (const FlagGroup& group : help.groups) {
    if (group.flags.empty()) continue;
    text += fmt::format("\n{}:\n", group.title);
    for (const FlagHelp& flag : group.flags) {
      const std::string left = left_side(flag);
      text += left + (left.size() + 2 > right ? "\n" + std::string(right, ' ') : std::string(right - left.size(), ' '));
      text += wrapped(flag.help, right, width) + "\n";
    }
  }
  if (!help.examples.empty()) text += "\nexamples:\n";
  for (const Example& example : help.examples)
    text += fmt::format("  {}:\n    cascadecl {}\n", example.what, example.command);
  return text;
}

std::string manual_text(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else if ((c == '.' || c == '\'') && (escaped.empty() || escaped.back() == '\n'))
      escaped += std::string("\\&") + c;
    else
      escaped += c;
  }
  return escaped;
}

std::string exit_status_manual() {
  return ".SH EXIT STATUS\n.TP\n0\ndone\n.TP\n1\nfailed while running\n.TP\n2\nwrong usage\n.TP\n3\nno such device\n"
         ".TP\n4\nbad input file\n.TP\n5\nmeasurement not possible\n";
}

std::string help_manual(const CommandHelp& help) {
  const std::string name = "cascadecl-" + command_words(help.usage);
  std::string title = name;
  std::ranges::transform(title, title.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::string text = fmt::format(
      ".TH {} 1 \"\" \"cascadecl {}\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\ncascadecl {}\n"
      ".SH DESCRIPTION\n{}\n",
      title, version, manual_text(name), manual_text(first_sentence(help.summary)), manual_text(help.usage),
      manual_text(help.summary));
  for (const FlagGroup& group : help.groups) {
    if (group.flags.empty()) continue;
    std::string heading = group.title;
    std::ranges::transform(heading, heading.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    text += fmt::format(".SH {}\n", heading);
    for (const FlagHelp& flag : group.flags)
      text += fmt::format(".TP\n.B {}\\-\\-{}{}\n{}\n", flag.letter.empty() ? "" : fmt::format("\\-{}, ", flag.letter),
                          manual_text(flag.name), flag.value.empty() ? "" : " \\fI" + manual_text(flag.value) + "\\fR",
                          manual_text(flag.help));
  }
  if (!help.examples.empty()) text += ".SH EXAMPLES\n";
  for (const Example& example : help.examples)
    text += fmt::format(".TP\n{}\n.B cascadecl {}\n", manual_text(example.what), manual_text(example.command));
  return text + exit_status_manual() + ".SH SEE ALSO\n.BR cascadecl (1)\n";
}

std::string flag_lines(const CommandHelp& help) {
  std::string text;
  for (const FlagGroup& group : help.groups)
    for (const FlagHelp& flag : group.flags) text += fmt::format("--{}\n", flag.name);
  return text;
}

}  // namespace cascadecl
