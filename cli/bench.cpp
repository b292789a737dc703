#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/cascade_flags.h"
#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/image_shape.h"
#include "cli/open_device.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/plan_steps.h"
#include "data/files/error.h"
#include "runtime/network/stages.h"
#include "runtime/ops/precision.h"
#include "runtime/ops/trials/random_activation.h"
#include "runtime/tuner/network_workload.h"

namespace cascadecl {
namespace {

using Clock = std::chrono::steady_clock;
enum class Mode { infer, train };

struct Settings {
  std::string network, input = "3x32x32";
  DeviceFlags device;
  int batch = 128, classes = 10;
  Mode mode = Mode::infer;
  Precision precision = Precision::fp32;
  double seconds = 2;
  bool explain = false;
};

constexpr int fewest_steps = 3;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// How long it took until the device had work, and the first step, at which drivers may still build.
struct Setup {
  double ms = 0, first_step_ms = 0;
  ProgramCounts programs;
};

// Seconds of each step, after the first and a second one as warm-up.
std::vector<double> time_steps(const Device& device, const std::function<void()>& step, double seconds) {
  const auto since = [](Clock::time_point start) { return milliseconds_since(start) / 1e3; };
  step();
  device.finish();
  std::vector<double> times;
  for (const auto start = Clock::now(); since(start) < seconds || times.size() < fewest_steps;) {
    const auto begin = Clock::now();
    step();
    device.finish();
    times.push_back(since(begin));
  }
  std::sort(times.begin(), times.end());
  return times;
}

double quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

// The plan's steps with their seconds, each the median of a few runs.
struct Explained {
  std::string device_reason;  // see OpenedDevices
  std::vector<PlanStep> steps;
  std::vector<double> seconds;
};

Explained explain(const NetworkWorkload& work, const std::string& device_reason) {
  constexpr int runs = 5;
  Explained explained{device_reason, work.plan_steps(), {}};
  std::vector<std::vector<double>> of_step(explained.steps.size());
  for (int run = 0; run < runs; ++run) {
    const std::vector<double> seconds = work.time_plan_steps();
    for (std::size_t i = 0; i < of_step.size(); ++i) of_step[i].push_back(seconds[i]);
  }
  for (std::vector<double>& list : of_step) {
    std::sort(list.begin(), list.end());
    explained.seconds.push_back(quantile(list, 0.5));
  }
  return explained;
}

void report(const Settings& settings, const DeviceInfo& device, const Network& network,
            const std::vector<double>& times, const Setup& setup, const std::optional<Explained>& explained,
            bool json) {
  const double median = quantile(times, 0.5);
  const double images_per_s = settings.batch / median;
  const double spread = (quantile(times, 0.75) - quantile(times, 0.25)) / median;
  const double mmac = static_cast<double>(network.macs()) / 1e6;
  const char* mode = settings.mode == Mode::infer ? "infer" : "train";
  if (json) {
    nlohmann::ordered_json result = {{"network", network.name()},
                                     {"mode", mode},
                                     {"batch", settings.batch},
                                     {"precision", to_string(settings.precision)},
                                     {"images_per_s", images_per_s},
                                     {"median_step_ms", median * 1e3},
                                     {"fastest_step_ms", times.front() * 1e3},
                                     {"relative_interquartile_range", spread},
                                     {"timed_steps", times.size()},
                                     {"mmac_per_image", mmac},
                                     {"setup_ms", setup.ms},
                                     {"first_step_ms", setup.first_step_ms},
                                     {"programs_built", setup.programs.built},
                                     {"programs_from_cache", setup.programs.from_cache},
                                     {"device", device.name},
                                     {"kernel_class", to_string(device.kernel_class())}};
    if (explained) {
      result["device_reason"] =
          explained->device_reason.empty() ? nullptr : nlohmann::ordered_json(explained->device_reason);
      result["steps"] = steps_json(explained->steps, explained->seconds);
    }
    return print_json(result);
  }
  print(fmt::format(
      "network       {} ({:.2f} MMAC an image)\nmode          {}, batch {}, {}\ndevice        {}, kernel class {}\n"
      "images_per_s  {:.1f}\nstep          {:.3f} ms median of {}, {:.3f} ms fastest, quartiles {:.1f} % apart\n"
      "setup         {:.0f} ms, then {:.0f} ms for the first step; {} programs built, {} from the cache\n",
      network.name(), mmac, mode, settings.batch, to_string(settings.precision), device.name,
      to_string(device.kernel_class()), images_per_s, median * 1e3, times.size(), times.front() * 1e3, spread * 100,
      setup.ms, setup.first_step_ms, setup.programs.built, setup.programs.from_cache));
  if (!explained) return;
  if (!explained->device_reason.empty()) print(fmt::format("why there     {}\n", explained->device_reason));
  print("\n" + steps_text(explained->steps, explained->seconds));
}

}  // namespace

void run_bench(const Arguments& arguments) {
  const Clock::time_point start = Clock::now();
  Settings settings;
  Options options(
      "bench --network NAME [flags]",
      "Measures the speed of one network with random weights on random images: the batch size divided by the\n"
      "median time of a step. A training step is forward, cross-entropy, backward and SGD.");
  options.add_text("network", settings.network, "NAME", "resnet-N, wrn-D-K or a layer list FILE.json");
  options.add_number("batch", settings.batch, 1, 65536, "images in a step");
  options.add_choice<Mode>("mode", settings.mode, {{"infer", Mode::infer}, {"train", Mode::train}}, "what a step is");
  add_precision(options, settings.precision);
  options.add_number("seconds", settings.seconds, 0, 86400, "measure for at least this long, and at least 3 steps");
  settings.device.add_to(options, false);
  options.add_text("input", settings.input, "CxHxW", "image size");
  options.add_number("classes", settings.classes, 2, 1000000, "number of classes");
  options.add_switch("explain", settings.explain,
                     "also show each step of the plan: its kernel and parameters, where they come from, why no faster "
                     "kernel runs, and its share of the time");
  if (!options.parse(arguments)) return print(options.help());
  options.require("network");
  if (settings.mode == Mode::train) refuse_fp16_training(settings.precision);

  const std::vector<Network> networks =
      parse_stages(settings.network, parse_image_shape(settings.input), settings.classes);
  if (networks.size() != 1) throw UsageError("--network: takes one network");
  const OpenedDevices opened =
      settings.mode == Mode::infer
          ? settings.device.open_for({networks, settings.batch}, device_settings(), options.quiet())
          : OpenedDevices{{settings.device.open()}, {}};
  const Device& device = opened.devices.front();
  const Network& network = networks.front();
  const NetworkWorkload work =
      settings.mode == Mode::infer
          ? inference_work(device, network, settings.batch,
                           random_activation(device, network.input_shape(), settings.batch, 0, settings.precision))
          : training_work(device, network, settings.batch,
                          random_activation(device, network.input_shape(), settings.batch, 0));
  Setup setup{.ms = milliseconds_since(start)};
  const Clock::time_point first = Clock::now();
  work.step();
  device.finish();
  setup.first_step_ms = milliseconds_since(first);
  setup.programs = device.program_counts();
  const std::vector<double> times = time_steps(device, work.step, settings.seconds);
  std::optional<Explained> explained;
  if (settings.explain) explained = explain(work, opened.reason);
  report(settings, device.info(), network, times, setup, explained, options.json());
}

}  // namespace cascadecl
