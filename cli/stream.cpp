#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/open_data.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "runtime/study/runs/stream_evaluation.h"

namespace cascadecl {
namespace {

using nlohmann::ordered_json;

// Shares of all answers whose latency is told.
struct Percentile {
  const char* key;
  const char* text;
  double share;
};
constexpr Percentile percentiles[] = {
    {"p50", "50 %", 0.5}, {"p90", "90 %", 0.9}, {"p99", "99 %", 0.99}, {"p99_9", "99.9 %", 0.999}, {"max", "all", 1}};

ordered_json to_json(const StreamEvaluation& result, const StreamEvaluationSettings& settings,
                     const std::vector<Device>& devices) {
  ordered_json latency;
  for (const Percentile& of : percentiles) latency[of.key] = result.latency_ms(of.share);
  ordered_json json = {{"images", result.images},
                       {"answered", result.answered},
                       {"lost", result.images - result.answered},
                       {"out_of_order", result.out_of_order},
                       {"top1", result.top1},
                       {"mmac_per_image", result.mmac_per_image},
                       {"offered_images_per_s", settings.rate_per_s},
                       {"images_per_s", result.images_per_s()},
                       {"seconds", result.seconds},
                       {"latency_ms", latency},
                       {"held_back", result.held_back},
                       {"queue_capacity", settings.pipeline.capacity},
                       {"stopped", result.stopped},
                       {"batch_size", settings.pipeline.executor.max_batch},
                       {"device", device_names(devices)}};
  json.update(pipeline_json(result.pipeline));
  return json;
}

std::string to_text(const StreamEvaluation& result, const StreamEvaluationSettings& settings,
                    const std::vector<Device>& devices) {
  std::string text = fmt::format(
      "images          {} came, {} answered in order\ntop-1           {}\ncost            {:.2f} MMAC an image\n"
      "rate            {:.1f} images/s came, {:.1f} answered\ndevice          {}\nstopped         {}\n"
      "longest queues  {}, at most {} images inside\nheld back       {} images met a full queue\n\n",
      grouped(result.images), grouped(result.answered), percent(result.top1), result.mmac_per_image,
      settings.rate_per_s, result.images_per_s(), device_names(devices), fmt::join(result.stopped, " "),
      fmt::join(result.pipeline.longest_queue, " "), settings.pipeline.capacity, grouped(result.held_back));
  Table table({"<share of images", "latency ms"});
  for (const Percentile& of : percentiles) table.add_row({of.text, decimal(result.latency_ms(of.share), 3)});
  return text + table.text() + failures_text(result.pipeline);
}

}  // namespace

void run_stream(const Arguments& arguments) {
  std::string model_path, data;
  CascadeFlags flags;
  double max_delay_ms = 10;
  std::int64_t queue = 1024;
  StreamEvaluationSettings settings;
  Options options("stream MODEL --data FILE[:split] [flags]",
                  "Sends the images of a dataset (its split test unless one is named) one by one as they arrive, at a\n"
                  "rate that does not depend on the answers, and tells how long each waits for its answer.");
  options.add_positional("MODEL", model_path);
  options.add_text("data", data, "FILE[:split]", "dataset file");
  options.add_number("rate", settings.rate_per_s, 1e-3, 1e7,
                     "images that arrive in a second, whatever happens to them");
  options.add_choice<Arrivals>("arrivals", settings.arrivals,
                               {{"poisson", Arrivals::poisson}, {"uniform", Arrivals::uniform}}, "how they are spaced");
  options.add_number("arrivals-seed", settings.seed, "of Poisson arrivals");
  options.add_number("max-delay-ms", max_delay_ms, 0, 1e6,
                     "how long an image may wait for others to fill the batch of a late stage");
  options.add_number("queue", queue, 1, 1'000'000,
                     "images that may be inside; while it is full those that arrive are held back");
  flags.add_to(options, CascadeUse::trace);
  if (!options.parse(arguments)) return print(options.help());
  options.require("MODEL");
  if (!options.given("data"))
    throw UsageError(
        "--data is missing; names of image files on standard input are for cascadecl predict MODEL --stream");

  flags.check();
  ChosenCascade cascade = flags.choose(read_model(model_path));
  const auto dataset = open_data(data, "test", cascade.model, options.quiet());
  const std::vector<Device> devices = flags.place(cascade, *dataset, options.quiet());
  cascade.settings.max_batch = fitting_batch(cascade.model, devices, cascade.settings);
  Progress progress("streaming", dataset->size(), options.quiet());
  settings.pipeline = {.executor = cascade.settings,
                       .capacity = static_cast<std::size_t>(queue),
                       .max_delay = std::chrono::microseconds(static_cast<std::int64_t>(max_delay_ms * 1e3))};
  settings.progress = [&](std::int64_t done) { progress.update(done); };
  const StreamEvaluation result = evaluate_stream(cascade.model, devices, *dataset, settings);
  progress.wipe();
  if (options.json()) {
    print_json(to_json(result, settings, devices));
  } else {
    print(to_text(result, settings, devices));
  }
  flags.write_trace(cascade.settings);
}

}  // namespace cascadecl
