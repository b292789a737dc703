#include "cli/profile/compare.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "cli/output.h"
#include "runtime/study/runs/profile_comparison.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const ProfileComparison& comparison) {
  ordered_json list = ordered_json::array();
  for (const ComparedQuantity& of : comparison.quantities) {
    list.push_back({{"workload", of.workload},
                    {"quantity", of.quantity},
                    {"a", of.a.mean()},
                    {"b", of.b.mean()},
                    {"difference", of.difference.mean},
                    {"ci95_difference", number_or_null(of.difference.ci95)},
                    {"change", number_or_null(of.change())},
                    {"p_value", number_or_null(of.difference.p_value)},
                    {"significant", of.significant ? ordered_json(*of.significant) : ordered_json(nullptr)}});
  }
  return {{"test", "Welch's t-test, Holm's correction, 5 %"},
          {"quantities", list},
          {"not_compared", comparison.not_compared},
          {"settings_that_differ", comparison.settings_that_differ}};
}

std::string to_text(const ProfileComparison& comparison) {
  Table table({"<run", "<quantity", "A", "B", "B - A", "change", "p", "<significant"});
  for (const ComparedQuantity& of : comparison.quantities) {
    const auto half = of.difference.ci95;
    table.add_row({of.workload, of.quantity, decimal(of.a.mean(), 4), decimal(of.b.mean(), 4),
                   decimal(of.difference.mean, 4) + (half ? " ± " + decimal(half, 4) : ""), percent(of.change(), 2),
                   of.difference.p_value ? fmt::format("{:.2g}", *of.difference.p_value) : "-",
                   !of.significant   ? "-"
                   : *of.significant ? "yes"
                                     : "no"});
  }
  std::string text =
      table.text() +
      "Welch's t-test on the windows, significant at 5 % over all lines (Holm); ± is the 95 % interval.\n";
  for (const std::string& name : comparison.not_compared) text += fmt::format("not compared: {}\n", name);
  for (const std::string& difference : comparison.settings_that_differ)
    text += fmt::format("settings differ: {}\n", difference);
  return text;
}

}  // namespace

void run_profile_compare(const Arguments& arguments) {
  std::string a, b;
  Options options(
      "profile compare A.json B.json [flags]",
      "Tells which differences between two profiles (files of profile --json) are significant. It compares run\n"
      "by run, with Welch's t-test on their windows, at 5 % over all lines together (Holm's correction).");
  options.add_positional("A.json", a);
  options.add_positional("B.json", b);
  if (!options.parse(arguments)) return print(options.help());
  options.require("A.json");
  options.require("B.json");
  const ProfileComparison comparison = compare_profiles(read_profile(a), read_profile(b));
  if (options.json()) return print_json(to_json(comparison));
  print(to_text(comparison));
}

}  // namespace cascadecl
