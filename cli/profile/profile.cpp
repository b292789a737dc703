#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/output_file.h"
#include "cli/profile/compare.h"
#include "cli/profile/energy_model.h"
#include "cli/profile/profile_table.h"
#include "cli/profile/profile_text.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/energy/device_target.h"
#include "runtime/ops/precision.h"
#include "runtime/study/runs/cascade_profile.h"
#include "runtime/study/runs/evaluation.h"
#include "runtime/study/runs/profile_file.h"
#include "runtime/study/runs/stage_costs.h"

namespace cascadecl {
namespace {

struct Flags {
  std::string model, data, csv, markdown, energy_model;
  CascadeFlags cascade;
  std::int64_t images = 2048;
  int runs = 10;
  double window_s = 0;
  bool require_energy = false;
};

void add_flags(Options& options, Flags& flags) {
  options.add_positional("MODEL", flags.model);
  options.add_text("data", flags.data, "FILE[:split]", "dataset file");
  flags.cascade.add_to(options, CascadeUse::profile);
  options.add_number("images", flags.images, 1, 10'000'000, "how many images, at most");
  options.add_number("runs", flags.runs, 1, 1000, "windows of each part, in shuffled order; times are medians");
  options.add_number(
      "window-s", flags.window_s, 0, 86400,
      "shortest length of a window. With a meter it is 1 s, or 100 of its update periods if that is longer; "
      "without a meter it is 0: all images once");
  options.add_switch("require-energy", flags.require_energy, "fail with status 5 if the energy cannot be measured");
  options.add_text(
      "energy-model", flags.energy_model, "WATTS[:IDLE]",
      "also estimate energy as time at this power, and marginal energy as that minus time at idle power; such "
      "figures are called estimated everywhere");
  options.add_output("csv", flags.csv, "FILE", "also write the parts measured as CSV");
  options.add_output("markdown", flags.markdown, "FILE", "also write them as a Markdown table");
}

// What is profiled, and where.
struct Subject {
  ChosenCascade cascade;
  std::vector<Device> devices;
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
};

Subject subject_of(const Flags& flags, bool quiet) {
  Subject subject{.cascade = flags.cascade.choose(read_model(flags.model))};
  const auto dataset = open_data(flags.data, "test", subject.cascade.model, quiet);
  subject.devices = flags.cascade.place(subject.cascade, *dataset, quiet);
  subject.images = first_images(*dataset, flags.images);
  const auto labels = dataset->labels().first(static_cast<std::size_t>(std::min(flags.images, dataset->size())));
  subject.labels.assign(labels.begin(), labels.end());
  return subject;
}

ProfileRecord measure(const Flags& flags, Subject& subject, const std::optional<EnergyModel>& estimate, bool quiet) {
  const auto& [cascade, devices, images, labels] = subject;
  const Model& model = cascade.model;
  CascadeProfileSettings settings{.largest_mmac = cascade.largest_mmac, .environment = flags.cascade.meters()};
  const MeterDiscovery meters = discover_meters(settings.environment, meter_target(devices));
  if (flags.require_energy && !meters.complete) throw MeasurementError("energy: " + missing_energy(meters.attempts));
  subject.cascade.settings.max_batch = fitting_batch(model, devices, cascade.settings, true, true);
  settings.executor = cascade.settings;
  settings.executor.trace = nullptr;

  Progress progress("profiling", profile_windows(model.stages.size(), flags.runs), quiet, 0, "windows");
  settings.measure = {.repeats = flags.runs,
                      .window_s = std::max(flags.window_s, meters.meters.empty() ? 0.0 : 1.0),
                      .seed = flags.cascade.seed(),
                      .progress = [&](int done) { progress.update(done); }};
  CascadeProfile profile = profile_cascade(model, devices, images, labels, meters, settings);
  progress.wipe();
  if (flags.require_energy && !profile.cascade().figures.total_mj_per_image)
    throw MeasurementError("energy: " + missing_energy(profile.attempts));

  return {.runs = flags.runs,
          .batch_size = settings.executor.max_batch,
          .device = device_names(devices),
          .kernel_class = kernel_class_names(devices),
          .precision = std::string(to_string(settings.executor.precision)),
          .policy = policy_json(cascade).dump(),
          .profile = std::move(profile),
          .estimate = estimate};
}

}  // namespace

void run_profile(const Arguments& arguments) {
  if (!arguments.empty() && arguments.front() == "compare")
    return run_profile_compare({arguments.begin() + 1, arguments.end()});
  Flags flags;
  Options options(
      "profile MODEL --data FILE[:split] [flags]\n       cascadecl profile compare A.json B.json [flags]",
      "Measures time and energy per image, on the first images of a dataset (its split test unless one is\n"
      "named): of the whole cascade, of each stage on the images that reach it, of each stage alone on all\n"
      "images, and of the policies. Energy is unknown where no counter can be read. compare tells which\n"
      "differences between two profiles (files of --json) are significant.");
  add_flags(options, flags);
  options.add_example("profile cascade.h5 --data photos.h5 --images 1000",
                      "Time and energy per image of the cascade and its parts");
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  options.require("data");
  flags.cascade.check();
  std::optional<EnergyModel> estimate;
  if (options.given("energy-model")) estimate = parse_energy_model(flags.energy_model);
  check_writable(flags.csv);
  check_writable(flags.markdown);

  Subject subject = subject_of(flags, options.quiet());
  const ProfileRecord record = measure(flags, subject, estimate, options.quiet());
  print(options.json() ? to_json(record) : profile_text(record));
  write_file(flags.csv, profile_csv(record));
  write_file(flags.markdown, profile_markdown(record));
  const ChosenCascade& cascade = subject.cascade;
  if (!cascade.settings.trace) return;
  // Once more, so that what is measured is not traced.
  CascadeExecutor(cascade.model, subject.devices, cascade.settings).classify(subject.images, 0, subject.labels);
  flags.cascade.write_trace(cascade.settings);
}

}  // namespace cascadecl
