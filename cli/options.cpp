#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "cli/lists.h"
#include "data/files/error.h"
#include "data/files/text_file.h"
#include "runtime/foreign_text.h"
#include "runtime/suggestion.h"

namespace cascadecl {
namespace {

namespace po = boost::program_options;

template <class Number>
Number parse_number(const std::string& text, Number min, Number max, const char* kind) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) {
    throw UsageError(fmt::format("{} is outside {}..{}", text, min, max));
  }
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw UsageError(fmt::format("'{}' is not a {}", text, kind));
  }
  if (!(value >= min && value <= max)) throw UsageError(fmt::format("{} is outside {}..{}", text, min, max));
  return value;
}

bool parse_bool(const std::string& text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  throw UsageError(fmt::format("'{}' is neither true nor false", text));
}

// Boost's complaints, in our words.
[[noreturn]] void throw_usage(const po::error& error, std::vector<std::string> known) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    known.insert(known.end(), {"help", "config", "json", "quiet"});
    for (std::string& name : known) name.insert(0, "--");
    const std::string name = unknown->get_option_name();
    throw UsageError(fmt::format("unknown flag '{}'{} (see --help)", name, did_you_mean(name, known)));
  }
  if (const auto* with_name = dynamic_cast<const po::error_with_option_name*>(&error)) {
    if (dynamic_cast<const po::multiple_occurrences*>(&error)) {
      throw UsageError(fmt::format("{} is given twice", with_name->get_option_name()));
    }
    if (const auto* syntax = dynamic_cast<const po::invalid_command_line_syntax*>(&error)) {
      const bool missing = syntax->kind() == po::invalid_syntax::missing_parameter ||
                           syntax->kind() == po::invalid_syntax::empty_adjacent_parameter;
      throw UsageError(fmt::format("{} {}", syntax->get_option_name(), missing ? "needs a value" : "takes no value"));
    }
  }
  throw UsageError(error.what());
}

// The files that a value may name: "FILE", "FILE:split", or a list with "MODEL#1" in it.
std::vector<std::string> files_in(const std::string& value) {
  std::vector<std::string> files = {value, value.substr(0, value.rfind(':'))};
  for (const std::string& word : split_words(value)) files.push_back(word.substr(0, word.find('#')));
  return files;
}

// Of files that are there.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error);
}

// Of files that may come to be.
bool same_path(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code error;
  const auto first = std::filesystem::weakly_canonical(a, error), second = std::filesystem::weakly_canonical(b, error);
  return !first.empty() && first == second;
}

// Of standard output, if it is a terminal.
std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

// Boost's own error for such a line never ends if the line holds a placeholder of its texts, like %invalid_line%.
void check_config_lines(const std::string& path, const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const std::string content = line.substr(0, line.find('#'));
    const std::size_t first = content.find_first_not_of(" \t\r");
    if (first == std::string::npos || content[first] == '[' || content.find('=') != std::string::npos) continue;
    throw FileError(fmt::format("{}: line {}: '{}', expected flag = value", path, number, shown_line(line, 60)));
  }
}

}  // namespace

struct Options::Flags {
  po::options_description own, common, all;
};

Options::Options(std::string usage, std::string summary)
    : help_{std::move(usage), std::move(summary), {{"flags", {}}}, {}}, flags_(std::make_unique<Flags>()) {
  flags_->common.add_options()("help,h", "");
  flags_->common.add_options()("config", po::value<std::string>(), "");
  flags_->common.add_options()("json", "");
  flags_->common.add_options()("quiet", "");
  assign_["json"] = [this](const std::string& value) { json_ = parse_bool(value); };
  assign_["quiet"] = [this](const std::string& value) { quiet_ = parse_bool(value); };
}

void Options::begin_group(std::string_view title) { help_.groups.push_back({std::string(title), {}}); }

void Options::add_example(std::string_view command, std::string_view what) {
  help_.examples.push_back({std::string(command), std::string(what)});
}

Options::~Options() = default;

void Options::declare(std::string_view name, std::string_view value_name, const std::string& help) {
  const std::size_t comma = name.find(',');
  const std::string letter(comma == std::string_view::npos ? "" : name.substr(comma + 1));
  help_.groups.back().flags.push_back({std::string(name.substr(0, comma)), letter, std::string(value_name), help});
  if (value_name.empty()) {
    flags_->own.add_options()(std::string(name).c_str(), "");
  } else {
    flags_->own.add_options()(std::string(name).c_str(), po::value<std::string>(), "");
  }
}

void Options::add(std::string_view name, std::string_view value_name, const std::string& initial, std::string_view help,
                  Assign assign) {
  declare(name, value_name, initial.empty() ? std::string(help) : fmt::format("{} (default {})", help, initial));
  assign_[std::string(name.substr(0, name.find(',')))] = std::move(assign);
}

void Options::add_switch(std::string_view name, bool& target, std::string_view help) {
  declare(name, "", std::string(help));
  const std::string flag(name.substr(0, name.find(',')));
  assign_[flag] = [this, &target, flag](const std::string& value) {
    target = parse_bool(value);
    if (!target) off_.insert(flag);
  };
}

void Options::add_text(std::string_view name, std::string& target, std::string_view value_name, std::string_view help) {
  add(name, value_name, target, help, [&target](const std::string& value) {
    if (value.empty()) throw UsageError("is empty");
    target = value;
  });
  if (value_name != "TEXT") texts_.insert(std::string(name.substr(0, name.find(','))));
}

void Options::add_output(std::string_view name, std::string& target, std::string_view value_name, std::string_view help,
                         std::string_view changed) {
  add_text(name, target, value_name, help);
  outputs_.emplace(name.substr(0, name.find(',')), changed);
}

void Options::add_number(std::string_view name, int& target, int min, int max, std::string_view help) {
  add(name, "N", std::to_string(target), help,
      [=, &target](const std::string& value) { target = parse_number(value, min, max, "whole number"); });
}

void Options::add_number(std::string_view name, std::int64_t& target, std::int64_t min, std::int64_t max,
                         std::string_view help) {
  add(name, "N", std::to_string(target), help,
      [=, &target](const std::string& value) { target = parse_number(value, min, max, "whole number"); });
}

void Options::add_number(std::string_view name, std::uint64_t& target, std::string_view help) {
  add(name, "N", std::to_string(target), help, [&target](const std::string& value) {
    target = parse_number(value, std::uint64_t{0}, UINT64_MAX, "whole number of at least 0");
  });
}

void Options::add_number(std::string_view name, double& target, double min, double max, std::string_view help) {
  add(name, "X", fmt::format("{}", target), help,
      [=, &target](const std::string& value) { target = parse_number(value, min, max, "number"); });
}

void Options::add_number(std::string_view name, float& target, float min, float max, std::string_view help) {
  add(name, "X", fmt::format("{}", target), help,
      [=, &target](const std::string& value) { target = parse_number(value, min, max, "number"); });
}

template <class Number>
void Options::add_list(std::string_view name, std::string_view value_name, std::vector<Number>& target, Number min,
                       Number max, const char* kind, std::string_view help) {
  add(name, value_name, fmt::format("{}", fmt::join(target, ",")), help, [=, &target](const std::string& value) {
    std::vector<Number> numbers;
    for (const std::string& word : split_words(value)) numbers.push_back(parse_number(word, min, max, kind));
    target = std::move(numbers);
  });
}

void Options::add_numbers(std::string_view name, std::vector<int>& target, int min, int max, std::string_view help) {
  add_list(name, "N[,N...]", target, min, max, "whole number", help);
}

void Options::add_numbers(std::string_view name, std::vector<double>& target, double min, double max,
                          std::string_view help) {
  add_list(name, "X[,X...]", target, min, max, "number", help);
}

void Options::add_word(std::string_view name, const std::vector<std::string>& words, const std::string& initial,
                       std::string_view help, const std::function<void(std::size_t)>& assign) {
  add(name, fmt::format("{}", fmt::join(words, "|")), initial, help, [words, assign](const std::string& value) {
    const auto found = std::find(words.begin(), words.end(), value);
    if (found == words.end())
      throw UsageError(fmt::format("'{}' is none of {}{}", value, fmt::join(words, ", "), did_you_mean(value, words)));
    assign(static_cast<std::size_t>(found - words.begin()));
  });
}

void Options::add_positional(std::string_view name, std::string& target) { positionals_.emplace_back(name, &target); }

void Options::add_positional_list(std::string_view name, std::vector<std::string>& target) {
  positional_list_ = {std::string(name), &target};
}

bool Options::parse(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--help=man" && argument != "--help=flags") continue;
    help_form_ = argument == "--help=man" ? HelpForm::manual : HelpForm::flags;
    return false;
  }
  flags_->all.add(flags_->own).add(flags_->common);
  po::options_description hidden;
  hidden.add(flags_->all).add_options()("positional", po::value<std::vector<std::string>>());
  po::positional_options_description positional;
  positional.add("positional", -1);

  po::parsed_options parsed(&hidden);
  po::variables_map values;
  try {
    parsed = po::command_line_parser(arguments)
                 .options(hidden)
                 .positional(positional)
                 .style(po::command_line_style::default_style & ~po::command_line_style::allow_guessing)
                 .run();
    po::store(parsed, values);
  } catch (const po::error& error) {
    throw_usage(error, names());
  }
  if (values.count("help")) return false;

  std::size_t next = 0;
  for (const auto& option : parsed.options) {
    if (option.string_key == "positional") {
      for (const std::string& value : option.value) {
        if (next < positionals_.size()) {
          *positionals_[next].second = value;
          given_[positionals_[next++].first] = value;
        } else if (positional_list_.second) {
          positional_list_.second->push_back(value);
          given_[positional_list_.first] = value;
        } else {
          throw UsageError(fmt::format("unexpected argument '{}' (usage: cascadecl {})", value, help_.usage));
        }
      }
    } else {
      given_[option.string_key] = option.value.empty() ? "true" : option.value.front();
    }
  }
  for (const auto& [name, value] : given_) {
    const auto assign = assign_.find(name);
    if (assign == assign_.end()) continue;
    try {
      assign->second(value);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("--{}: {}", name, error.what()));
    }
  }
  if (const auto config = given_.find("config"); config != given_.end()) read_config(config->second);
  check_outputs();
  return true;
}

void Options::check_outputs() const {
  std::vector<std::pair<std::string, std::string>> named;  // shown name and value
  const auto name_files = [&](const std::string& name, const std::string& value) {
    for (const std::string& file : files_in(value)) named.emplace_back(shown_name(name), file);
  };
  for (const auto& [name, target] : positionals_) name_files(name, *target);
  if (positional_list_.second)
    for (const std::string& value : *positional_list_.second) name_files(positional_list_.first, value);
  for (const auto& [name, value] : given_)
    if (texts_.contains(name) || name == "config") name_files(name, value);
  for (const auto& of_output : outputs_) {
    const std::string &output = of_output.first, &changed = of_output.second;
    const auto value = given_.find(output);
    if (value == given_.end()) continue;
    const auto refuse = [&](const std::string& name) {
      throw UsageError(fmt::format("{} {}: is the file that {} names, too; nothing is written over it",
                                   shown_name(output), value->second, name));
    };
    for (const auto& [name, file] : named)
      if (name != shown_name(output) && name != changed && same_file(value->second, file)) refuse(name);
    for (const auto& [other, of_other] : outputs_)
      if (const auto second = given_.find(other);
          other != output && second != given_.end() && same_path(value->second, second->second))
        refuse(shown_name(other));
  }
}

void Options::read_config(const std::string& path) {
  std::stringstream text(read_text_file(path));
  check_config_lines(path, text.str());
  // Switches carry a value here, so the file is parsed with flags that all take one.
  po::options_description settings;
  for (const auto& [name, assign] : assign_) settings.add_options()(name.c_str(), po::value<std::string>());
  std::map<std::string, std::string> found;
  try {
    for (const auto& option : po::parse_config_file(text, settings).options) {
      if (!found.emplace(option.string_key, option.value.empty() ? "" : option.value.front()).second) {
        throw FileError(fmt::format("{}: {} is given twice", path, option.string_key));
      }
    }
  } catch (const po::unknown_option& error) {
    throw FileError(fmt::format("{}: unknown flag '{}'", path, error.get_option_name()));
  } catch (const po::error& error) {
    throw FileError(fmt::format("{}: {}", path, error.what()));
  }
  for (const auto& [name, value] : found) {
    if (!given_.emplace(name, value).second) continue;
    try {
      assign_.at(name)(value);
    } catch (const UsageError& error) {
      throw FileError(fmt::format("{}: {}: {}", path, name, error.what()));
    }
  }
}

bool Options::given(std::string_view name) const { return given_.contains(name) && !off_.contains(name); }

std::vector<std::string> Options::names() const {
  std::vector<std::string> names;
  for (const auto& option : flags_->own.options()) names.push_back(option->long_name());
  return names;
}

std::string Options::shown_name(std::string_view name) const {
  return (assign_.contains(name) ? "--" : "") + std::string(name);
}

void Options::require(std::string_view name) const {
  if (!given(name)) throw UsageError(fmt::format("{} is missing (usage: cascadecl {})", shown_name(name), help_.usage));
}

std::string Options::help() const {
  CommandHelp help = help_;
  help.groups.push_back({"flags of every command",
                         {{"help", "h", "", "show this text and stop"},
                          {"config", "", "FILE", "read flags not given here from lines 'flag = value'"},
                          {"json", "", "", "print the result as JSON"},
                          {"quiet", "", "", "print no progress"}}});
  if (help_form_ == HelpForm::manual) return help_manual(help);
  return help_form_ == HelpForm::flags ? flag_lines(help) : help_text(help, terminal_columns());
}

}  // namespace cascadecl
