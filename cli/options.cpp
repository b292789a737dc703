#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <cmath>
#include <fstream>
#include <sstream>

#include "cli/lists.h"
#include "data/files/error.h"

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
[[noreturn]] void throw_usage(const po::error& error) {
  if (const auto* unknown = dynamic_cast<const po::unknown_option*>(&error)) {
    throw UsageError(fmt::format("unknown flag '{}' (see --help)", unknown->get_option_name()));
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

}  // namespace

struct Options::Flags {
  po::options_description own{"flags"}, common{"flags of every command"}, all;
};

Options::Options(std::string usage, std::string summary)
    : usage_(std::move(usage)), summary_(std::move(summary)), flags_(std::make_unique<Flags>()) {
  flags_->common.add_options()("help,h", "show this text and stop");
  flags_->common.add_options()("config", po::value<std::string>()->value_name("FILE"),
                               "read flags not given here from lines 'flag = value'");
  flags_->common.add_options()("json", "print the result as JSON");
  flags_->common.add_options()("quiet", "print no progress");
  assign_["json"] = [this](const std::string& value) { json_ = parse_bool(value); };
  assign_["quiet"] = [this](const std::string& value) { quiet_ = parse_bool(value); };
}

Options::~Options() = default;

void Options::add(std::string_view name, std::string_view value_name, const std::string& initial, std::string_view help,
                  Assign assign) {
  const std::string text = initial.empty() ? std::string(help) : fmt::format("{} (default {})", help, initial);
  flags_->own.add_options()(std::string(name).c_str(), po::value<std::string>()->value_name(std::string(value_name)),
                            text.c_str());
  assign_[std::string(name.substr(0, name.find(',')))] = std::move(assign);
}

void Options::add_switch(std::string_view name, bool& target, std::string_view help) {
  flags_->own.add_options()(std::string(name).c_str(), std::string(help).c_str());
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
    if (found == words.end()) throw UsageError(fmt::format("'{}' is none of {}", value, fmt::join(words, ", ")));
    assign(static_cast<std::size_t>(found - words.begin()));
  });
}

void Options::add_positional(std::string_view name, std::string& target) { positionals_.emplace_back(name, &target); }

void Options::add_positional_list(std::string_view name, std::vector<std::string>& target) {
  positional_list_ = {std::string(name), &target};
}

bool Options::parse(const std::vector<std::string>& arguments) {
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
    throw_usage(error);
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
          throw UsageError(fmt::format("unexpected argument '{}' (usage: cascadecl {})", value, usage_));
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
  return true;
}

void Options::read_config(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  const bool empty = file && file.peek() == std::ifstream::traits_type::eof();
  if (file.is_open() && !file.bad() && !empty) text << file.rdbuf();
  if (!file.is_open() || file.bad() || !text) throw FileError(fmt::format("{}: cannot read this config file", path));
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
  if (!given(name)) throw UsageError(fmt::format("{} is missing (usage: cascadecl {})", shown_name(name), usage_));
}

std::string Options::help() const {
  std::ostringstream text;
  text << "usage: cascadecl " << usage_ << "\n\n" << summary_ << "\n";
  if (!flags_->own.options().empty()) text << "\n" << flags_->own;
  text << "\n" << flags_->common;
  return text.str();
}

}  // namespace cascadecl
