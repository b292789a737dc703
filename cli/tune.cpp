#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/image_shape.h"
#include "cli/lists.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/network/stages.h"
#include "runtime/opencl/program_cache.h"
#include "runtime/tuner/network_jobs.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

enum class Mode { infer, train, both };

struct Flags {
  std::string networks, input = "3x32x32", batches = "128", output;
  DeviceFlags device;
  int classes = 10;
  Mode mode = Mode::both;
  double seconds = 600;
  bool again = false;
};

std::vector<int> parse_batches(const std::string& text) {
  std::vector<int> batches;
  for (const std::string& word : split_words(text)) {
    int batch = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), batch);
    if (error != std::errc{} || end != word.data() + word.size() || batch < 1 || batch > 65536)
      throw UsageError(fmt::format("--batch: '{}' is not a list of numbers in 1..65536", text));
    batches.push_back(batch);
  }
  return batches;
}

ordered_json parameters_json(const TuningValues& values) {
  ordered_json json = ordered_json::object();
  for (const auto& [name, value] : values) json[name] = value;
  return json;
}

ordered_json to_json(const TuningResult& result) {
  const TuningKey& key = result.key;
  return {{"kernel", key.kernel},
          {"operation", key.operation},
          {"input_shape", {key.in_channels, key.height, key.width}},
          {"out_channels", key.out_channels},
          {"kernel_size", {key.kernel_h, key.kernel_w}},
          {"stride", key.stride},
          {"padding", key.padding},
          {"batch", to_string(key.batch)},
          {"layers", result.layers},
          {"parameters", parameters_json(result.best.values)},
          {"default_parameters", parameters_json(result.default_values)},
          {"ms", number_or_null(result.best.ms)},
          {"default_ms", number_or_null(result.best.default_ms)},
          {"speedup", result.speedup()},
          {"candidates", result.candidates},
          {"tried", result.tried},
          {"complete", result.best.complete},
          {"known", result.known},
          {"rejected", result.rejected}};
}

std::string to_text(const TuningResult& result) {
  const std::string how = result.known           ? "from an earlier run"
                          : result.best.complete ? fmt::format("{} candidates", result.tried)
                                                 : fmt::format("{} of {} candidates", result.tried, result.candidates);
  std::string text = fmt::format("{}: {}, {} ms, {:.2f} times as fast as the default, {}", to_string(result.key),
                                 to_string(result.best.values), decimal(result.best.ms, 3), result.speedup(), how);
  for (const std::string& rejected : result.rejected) text += "\n  rejected " + rejected;
  return text;
}

// Where results are kept: in --output as defaults of the device's class, else in the device's own file.
TuningStore store_of(const Device& device, const std::string& output) {
  if (!output.empty())
    return {output, {.platform = {}, .device = {}, .driver_version = {}, .device_class = device.info().tuning_class()}};
  TuningStore store = device.tuning_store();
  if (store.file().empty()) throw UsageError(fmt::format("--output is missing: {}", ProgramCache::kNoFolder));
  return store;
}

// Tunes, keeps each result as it comes, and shows how far it is.
std::vector<TuningResult> run_jobs(const Device& device, const std::vector<TuningJob>& jobs, const TuningStore& store,
                                   const Flags& flags, bool quiet) {
  std::int64_t total = 0, tried = 0;
  for (const TuningJob& job : jobs) total += static_cast<std::int64_t>(job.candidates.size());
  std::vector<std::size_t> tried_of(jobs.size());
  Progress progress("tuning", total, quiet, 0, "candidates");
  TunerSettings settings{.seconds = flags.seconds, .again = flags.again};
  settings.progress = [&](std::size_t job, const TuningResult& so_far) {
    tried += static_cast<std::int64_t>(so_far.tried - tried_of[job]);
    tried_of[job] = so_far.tried;
    progress.update(tried, so_far.key.kernel);
  };
  settings.finished = [&](const TuningResult& result) {
    store.merge({{result.key, result.best}});
    progress.wipe();
    note(to_text(result), quiet);
  };
  const WarningHandler warning = device_settings().warning;
  return tune(device, jobs, store.load(warning), settings);
}

ordered_json to_json(const std::vector<TuningResult>& results, std::size_t jobs, const Device& device,
                     const TuningStore& store, double seconds) {
  ordered_json list = ordered_json::array();
  for (const TuningResult& result : results) list.push_back(to_json(result));
  const auto complete = std::ranges::count_if(results, [](const TuningResult& r) { return r.best.complete; });
  return {{"device", device.info().name},
          {"driver_version", device.info().driver_version},
          {"class", device.info().tuning_class()},
          {"file", store.file().string()},
          {"seconds", seconds},
          {"complete", static_cast<std::size_t>(complete) == jobs},
          {"jobs_left", jobs - static_cast<std::size_t>(complete)},
          {"jobs", list}};
}

}  // namespace

void run_tune(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  Flags flags;
  Options options(
      "tune --network LIST [flags]",
      "Measures which kernel parameters are fastest for the layers of your networks on a device, and keeps them\n"
      "in a file where every command finds them. The next run continues one that was interrupted or ran out of\n"
      "time. See share/doc/tuning.md.");
  options.add_text("network", flags.networks, "LIST",
                   "networks, separated by commas: resnet-N, wrn-D-K or layer lists FILE.json");
  flags.device.add_to(options, false);
  options.add_text("batch", flags.batches, "LIST",
                   "batch sizes, separated by commas; 1, 2 to 15, and 16 and more are tuned apart");
  options.add_choice<Mode>("mode", flags.mode, {{"infer", Mode::infer}, {"train", Mode::train}, {"both", Mode::both}},
                           "what the networks do");
  options.add_number("seconds", flags.seconds, 0, 1e6, "stop soon after this time");
  options.add_switch("again", flags.again, "also measure what is in the file already");
  options.add_output("output", flags.output, "FILE", "keep the results there, as defaults of the device's class");
  options.add_text("input", flags.input, "CxHxW", "image size");
  options.add_number("classes", flags.classes, 2, 1000000, "number of classes");
  if (!options.parse(arguments)) return print(options.help());
  options.require("network");

  const std::vector<Network> networks = parse_stages(flags.networks, parse_image_shape(flags.input), flags.classes);
  const std::vector<int> batches = parse_batches(flags.batches);
  const Device device = flags.device.open();
  const TuningStore store = store_of(device, flags.output);
  const std::vector<TuningJob> jobs = network_jobs(
      device, networks, {.batches = batches, .infer = flags.mode != Mode::train, .train = flags.mode != Mode::infer});
  const std::vector<TuningResult> results = run_jobs(device, jobs, store, flags, options.quiet());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const ordered_json json = to_json(results, jobs.size(), device, store, seconds);
  if (options.json()) return print_json(json);
  for (const TuningResult& result : results) print_line(to_text(result));
  print_line(fmt::format("{} of {} jobs done; results in {}", jobs.size() - json["jobs_left"].get<std::size_t>(),
                         jobs.size(), store.file().string()));
}

}  // namespace cascadecl
