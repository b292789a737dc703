#include "cli/options.h"

#include <doctest/doctest.h>

#include "cli/flag_rules.h"
#include "data/files/error.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

struct Settings {
  std::string text = "some", output, file;
  std::vector<std::string> rest;
  int count = 4;
  double share = 0.5;
  std::uint64_t seed = 1;
  std::vector<int> counts = {1};
  std::vector<double> shares = {0.5, 1};
  bool fast = false;
  int mode = 1;
};

// The flags of an imaginary command.
struct Command {
  Command() : options("try FILE [flags]", "Tries things.") {
    options.add_positional("FILE", settings.file);
    options.add_text("text", settings.text, "T", "a text");
    options.add_text("output,o", settings.output, "F", "a file");
    options.add_number("count", settings.count, 1, 10, "how many");
    options.add_number("share", settings.share, 0, 1, "how much");
    options.add_number("seed", settings.seed, "where from");
    options.add_numbers("counts", settings.counts, 0, 10, "how many of each");
    options.add_numbers("shares", settings.shares, 0, 1, "how much of each");
    options.add_switch("fast", settings.fast, "hurry");
    options.add_choice<int>("mode", settings.mode, {{"one", 1}, {"two", 2}}, "which way");
  }
  Settings settings;
  Options options;
};

std::string usage_error(const std::vector<std::string>& arguments) {
  return error_of<UsageError>([&] { Command().options.parse(arguments); });
}

TEST_CASE("options keep their defaults and take what is given") {
  Command command;
  CHECK(command.options.parse({"in.h5", "--count", "7", "--share=0.25", "--fast", "--mode", "two", "-o", "x", "--seed",
                               "18446744073709551615", "--json"}));
  CHECK(command.settings.file == "in.h5");
  CHECK(command.settings.text == "some");
  CHECK(command.settings.count == 7);
  CHECK(command.settings.share == 0.25);
  CHECK(command.settings.fast);
  CHECK(command.settings.mode == 2);
  CHECK(command.settings.output == "x");
  CHECK(command.settings.seed == UINT64_MAX);
  CHECK(command.options.json());
  CHECK_FALSE(command.options.quiet());
  CHECK(command.options.given("output"));
  CHECK_FALSE(command.options.given("text"));
}

TEST_CASE("numbers are whole words in their range") {
  for (const char* bad : {"", "x", "3x", "0", "11", "-1", "1e1", "99999999999999999999", " 3"}) {
    CAPTURE(bad);
    CHECK(contains(usage_error({"--count=" + std::string(bad)}), "--count"));
  }
  for (const char* bad : {"nan", "inf", "1.5", "-0.1", "half"})
    CHECK(contains(usage_error({"--share", bad}), "--share"));
  CHECK(contains(usage_error({"--seed", "-1"}), "--seed"));
}

TEST_CASE("lists are numbers with commas between them, each in its range") {
  Command command;
  CHECK(contains(command.options.help(), "0.5,1"));
  CHECK(command.options.parse({"--counts", "3,0,10"}));
  CHECK(command.settings.counts == std::vector<int>{3, 0, 10});
  CHECK(command.settings.shares == std::vector<double>{0.5, 1});
  for (const char* bad : {"3,", ",3", "1,11", "1,x", "1 2", "1.5"}) {
    CAPTURE(bad);
    CHECK(contains(usage_error({"--counts", bad}), "--counts"));
  }
  CHECK(contains(usage_error({"--shares", "0.5,nan"}), "--shares"));
}

TEST_CASE("faults of the command line name the flag") {
  CHECK(contains(usage_error({"--speed", "1"}), "'--speed'"));
  CHECK(contains(usage_error({"--cou", "1"}), "'--cou'"));
  CHECK(contains(usage_error({"--count"}), "--count"));
  CHECK(contains(usage_error({"--fast=3"}), "--fast"));
  CHECK(contains(usage_error({"--count", "1", "--count", "2"}), "--count"));
  CHECK(contains(usage_error({"--mode", "three"}), "none of one, two"));
  CHECK(contains(usage_error({"a", "b"}), "'b'"));
}

TEST_CASE("a positional list takes all that is left") {
  Command command;
  command.options.add_positional_list("MORE", command.settings.rest);
  command.options.parse({"a", "--fast", "b", "c"});
  CHECK(command.settings.file == "a");
  CHECK(command.settings.rest == std::vector<std::string>{"b", "c"});
}

TEST_CASE("a rule refuses the first of its flags that was given, where it applies") {
  const auto fault = [](const std::vector<std::string>& arguments, bool applies) {
    Command command;
    command.options.parse(arguments);
    return error_of<UsageError>([&] {
      check_flags(command.options, {{applies, {"share", "count", "FILE"}, "only with --fast"}});
    });
  };
  CHECK(fault({"--count", "2", "in.h5"}, true) == "--count: only with --fast");
  CHECK(fault({"in.h5"}, true) == "FILE: only with --fast");
  CHECK(fault({"--text", "x"}, true) == "");
  CHECK(fault({"--count", "2"}, false) == "");
}

TEST_CASE("require names what was not given") {
  Command command;
  command.options.parse({});
  CHECK(contains(error_of<UsageError>([&] { command.options.require("output"); }), "--output is missing"));
  CHECK(contains(error_of<UsageError>([&] { command.options.require("FILE"); }), "FILE is missing"));
}

TEST_CASE("a config file gives what the command line does not") {
  const TemporaryFolder folder;
  const std::string config = (folder / "flags.ini").string();
  write_text(config, "# a comment\ncount = 9\ntext = from file\nfast = true\noutput = y\n");
  Command command;
  command.options.parse({"--config", config, "--count", "3"});
  CHECK(command.settings.count == 3);
  CHECK(command.settings.text == "from file");
  CHECK(command.settings.fast);
  CHECK(command.settings.output == "y");
  CHECK(command.options.given("output"));
}

TEST_CASE("a switch that a config file turns off was not given") {
  const TemporaryFolder folder;
  const std::string config = (folder / "flags.ini").string();
  write_text(config, "fast = false\n");
  Command command;
  command.options.parse({"--config", config});
  CHECK_FALSE(command.options.given("fast"));
}

TEST_CASE("faults of a config file are named with the file") {
  const TemporaryFolder folder;
  const std::string config = (folder / "flags.ini").string();
  const auto error = [&](const std::string& text) {
    write_text(config, text);
    return error_of<FileError>([&] { Command().options.parse({"--config", config}); });
  };
  CHECK(error("") == "");
  for (const char* text : {"speed = 1\n", "count = 0\n", "count = 1\ncount = 2\n", "fast = perhaps\n", "count\n"}) {
    CAPTURE(text);
    CHECK(error(text).starts_with(config + ": "));
  }
  const std::string missing = (folder / "missing.ini").string();
  CHECK(contains(error_of<FileError>([&] { Command().options.parse({"--config", missing}); }), missing));
  const std::string directory = folder.path().string();
  CHECK(contains(error_of<FileError>([&] { Command().options.parse({"--config", directory}); }), directory));
}

TEST_CASE("help shows flags, values and defaults, and nothing is assigned") {
  Command command;
  CHECK_FALSE(command.options.parse({"--help", "--count", "3"}));
  CHECK(command.settings.count == 4);
  const std::string help = command.options.help();
  for (const char* part : {"usage: cascadecl try FILE", "Tries things.", "--count N", "(default 4)", "one|two"}) {
    CHECK(contains(help, part));
  }
}

}  // namespace
}  // namespace cascadecl
