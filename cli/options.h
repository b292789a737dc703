#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/help_text.h"

namespace cascadecl {

// The flags of one command, bound to the caller's variables, whose values at the time of declaration are the defaults
// shown by --help. Every command also takes --help, --json, --quiet and --config FILE, whose lines `flag = value` stand
// for flags not given on the command line. A flag is known by its whole name only.
class Options {
 public:
  // usage: "eval MODEL --data FILE"; summary: what the command does, in whole sentences.
  Options(std::string usage, std::string summary);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // Flags declared from now on stand under this title in --help; before the first call under "flags".
  void begin_group(std::string_view title);
  // A command that --help shows, without its first word, and what it is for.
  void add_example(std::string_view command, std::string_view what);

  // A name "output,o" also gives the short form -o; everywhere else the flag is then called "output".
  // A flag without a value; in a config file `flag = true` or `false`.
  void add_switch(std::string_view name, bool& target, std::string_view help);
  void add_text(std::string_view name, std::string& target, std::string_view value_name, std::string_view help);
  // A file that the command writes. parse() then throws UsageError if it is a file that another flag or positional
  // names, to be read or to be written; but for the positional `changed`, if the command is made to change that.
  void add_output(std::string_view name, std::string& target, std::string_view value_name, std::string_view help,
                  std::string_view changed = {});
  // Whole and real numbers in min..max, both inclusive. Infinity and NaN are never numbers.
  void add_number(std::string_view name, int& target, int min, int max, std::string_view help);
  void add_number(std::string_view name, std::int64_t& target, std::int64_t min, std::int64_t max,
                  std::string_view help);
  void add_number(std::string_view name, std::uint64_t& target, std::string_view help);
  void add_number(std::string_view name, double& target, double min, double max, std::string_view help);
  void add_number(std::string_view name, float& target, float min, float max, std::string_view help);
  // Several numbers with commas between them, each in min..max.
  void add_numbers(std::string_view name, std::vector<int>& target, int min, int max, std::string_view help);
  void add_numbers(std::string_view name, std::vector<double>& target, double min, double max, std::string_view help);
  // One of several words.
  template <class Value>
  void add_choice(std::string_view name, Value& target, const std::vector<std::pair<std::string, Value>>& choices,
                  std::string_view help) {
    std::vector<std::string> words;
    std::string initial;
    for (const auto& [word, value] : choices) {
      words.push_back(word);
      if (value == target) initial = word;
    }
    add_word(name, words, initial, help,
             [&target, choices](std::size_t chosen) { target = choices.at(chosen).second; });
  }
  // The same among values of an enumeration, by the names that to_string gives them.
  template <class Value>
  void add_enumeration(std::string_view name, Value& target, const std::vector<Value>& values, std::string_view help) {
    std::vector<std::pair<std::string, Value>> choices;
    for (const Value value : values) choices.emplace_back(to_string(value), value);
    add_choice<Value>(name, target, choices, help);
  }

  // What stands without a flag, in order; the list takes all that is left.
  void add_positional(std::string_view name, std::string& target);
  void add_positional_list(std::string_view name, std::vector<std::string>& target);

  // False if --help was asked for: help() is then to be printed and nothing else done. --help=man asks for a manual
  // page and --help=flags for the names of the flags.
  // Throws UsageError naming the flag and what it expects; FileError for a fault in the config file.
  bool parse(const std::vector<std::string>& arguments);

  // Whether the flag stood on the command line or in the config file; a switch that the file turns off did not.
  bool given(std::string_view name) const;
  std::vector<std::string> names() const;  // of the flags declared so far, in order
  // As one types it: "--data" for a flag, "MODEL" for a positional.
  std::string shown_name(std::string_view name) const;
  // Throws UsageError if a flag or positional ("MODEL") was not given.
  void require(std::string_view name) const;

  std::string help() const;
  bool json() const { return json_; }
  bool quiet() const { return quiet_; }

 private:
  template <class Number>
  void add_list(std::string_view name, std::string_view value_name, std::vector<Number>& target, Number min, Number max,
                const char* kind, std::string_view help);

  using Assign = std::function<void(const std::string& value)>;
  struct Flags;  // of Boost.Program_options

  void declare(std::string_view name, std::string_view value_name, const std::string& help);
  void add(std::string_view name, std::string_view value_name, const std::string& initial, std::string_view help,
           Assign assign);
  void add_word(std::string_view name, const std::vector<std::string>& words, const std::string& initial,
                std::string_view help, const std::function<void(std::size_t)>& assign);
  void read_config(const std::string& path);
  void check_outputs() const;

  CommandHelp help_;
  enum class HelpForm { text, manual, flags } help_form_ = HelpForm::text;
  std::unique_ptr<Flags> flags_;
  std::map<std::string, Assign, std::less<>> assign_;
  std::set<std::string, std::less<>> texts_;                 // flags whose values may name files
  std::map<std::string, std::string, std::less<>> outputs_;  // flags, and what they may be all the same
  std::map<std::string, std::string, std::less<>> given_;    // values by flag
  std::set<std::string, std::less<>> off_;                   // switches given as false
  std::vector<std::pair<std::string, std::string*>> positionals_;
  std::pair<std::string, std::vector<std::string>*> positional_list_;
  std::string config_;
  bool json_ = false, quiet_ = false;
};

}  // namespace cascadecl
