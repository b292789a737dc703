#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/device_flags.h"
#include "cli/image_shape.h"
#include "cli/options.h"
#include "cli/output.h"
#include "data/error.h"
#include "data/random.h"
#include "runtime/network/inference_plan.h"
#include "runtime/network/stages.h"
#include "runtime/network/training_plan.h"
#include "runtime/ops/softmax.h"

namespace cascadecl {
namespace {

enum class Mode { infer, train };

struct Settings {
  std::string network, input = "3x32x32";
  DeviceFlags device;
  int batch = 128, classes = 10;
  Mode mode = Mode::infer;
  double seconds = 2;
};

constexpr int fewest_steps = 3;

// One timed step: enqueues a batch's work. The caller waits for the device.
using Step = std::function<void()>;

// Random images of one device's layout, about as large as normalised ones; padding channels are zero.
Array<float> random_images(const Device& device, ImageShape shape, int batch) {
  const int block = channel_block_of(shape.channels, device.channel_block());
  const std::size_t plane = static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width);
  std::vector<float> images(image_elements(shape, device.channel_block()) * static_cast<std::size_t>(batch));
  const std::size_t blocks = images.size() / (plane * static_cast<std::size_t>(block));
  const std::size_t blocks_of_image = blocks / static_cast<std::size_t>(batch);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const std::size_t in_block = i % static_cast<std::size_t>(block);
    const std::size_t block_index = i / (plane * static_cast<std::size_t>(block)) % blocks_of_image;
    const std::size_t channel = block_index * static_cast<std::size_t>(block) + in_block;
    if (channel >= static_cast<std::size_t>(shape.channels)) continue;
    images[i] = static_cast<float>(philox(0, i)[0]) * 0x1p-30F - 2;
  }
  return device.upload(images);
}

Step inference_step(const Device& device, const Network& network, int batch, const Array<float>& images) {
  auto plan = std::make_shared<InferencePlan>(device, network, initial_parameters(network, 1), batch);
  return [=] { plan->run(batch, images); };
}

// Forward with the batch's statistics, cross-entropy, backward and SGD.
Step training_step(const Device& device, const Network& network, int batch, const Array<float>& images) {
  auto plan = std::make_shared<TrainingPlan>(device, network, initial_parameters(network, 1), batch);
  auto loss = std::make_shared<CrossEntropy>(device, network.classes());
  std::vector<int> labels(static_cast<std::size_t>(batch));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i) % network.classes();
  const Array<int> device_labels = device.upload(labels);
  const Array<float> losses = device.allocate<float>(labels.size()), correct = device.allocate<float>(labels.size());
  return [=] {
    const Array<float> logits = plan->forward(batch, images, BatchNormMode::batch);
    loss->run(batch, logits, device_labels, 1.0F / static_cast<float>(batch), losses, correct, plan->logit_gradient());
    plan->backward();
    plan->step({.learning_rate = 0.01F});
  };
}

// Seconds of each step, after a warm-up.
std::vector<double> time_steps(const Device& device, const Step& step, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int i = 0; i < 2; ++i) {
    step();
    device.finish();
  }
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

void report(const Settings& settings, const DeviceInfo& device, const Network& network,
            const std::vector<double>& times, bool json) {
  const double median = quantile(times, 0.5);
  const double images_per_s = settings.batch / median;
  const double spread = (quantile(times, 0.75) - quantile(times, 0.25)) / median;
  const double mmac = static_cast<double>(network.macs()) / 1e6;
  const char* mode = settings.mode == Mode::infer ? "infer" : "train";
  if (json) {
    return print_json({{"network", network.name()},
                       {"mode", mode},
                       {"batch", settings.batch},
                       {"images_per_s", images_per_s},
                       {"median_step_ms", median * 1e3},
                       {"fastest_step_ms", times.front() * 1e3},
                       {"relative_interquartile_range", spread},
                       {"steps", times.size()},
                       {"mmac_per_image", mmac},
                       {"device", device.name},
                       {"kernel_class", to_string(device.kernel_class())}});
  }
  print(fmt::format(
      "network       {} ({:.2f} MMAC an image)\nmode          {}, batch {}\ndevice        {}, kernel class {}\n"
      "images_per_s  {:.1f}\nstep          {:.3f} ms median of {}, {:.3f} ms fastest, quartiles {:.1f} % apart\n",
      network.name(), mmac, mode, settings.batch, device.name, to_string(device.kernel_class()), images_per_s,
      median * 1e3, times.size(), times.front() * 1e3, spread * 100));
}

}  // namespace

void run_bench(const Arguments& arguments) {
  Settings settings;
  Options options("bench --network NAME [flags]",
                  "Measures the speed of one network with random weights on random images: batch size over the median\n"
                  "time of a step. A training step is forward, cross-entropy, backward and SGD.");
  options.add_text("network", settings.network, "NAME", "resnet-N, wrn-D-K or a layer list FILE.json");
  options.add_number("batch", settings.batch, 1, 65536, "images in a step");
  options.add_choice<Mode>("mode", settings.mode, {{"infer", Mode::infer}, {"train", Mode::train}}, "what a step is");
  options.add_number("seconds", settings.seconds, 0, 86400, "measure at least so long, and at least 3 steps");
  settings.device.add_to(options, false);
  options.add_text("input", settings.input, "CxHxW", "image size");
  options.add_number("classes", settings.classes, 2, 1000000, "number of classes");
  if (!options.parse(arguments)) return print(options.help());
  options.require("network");

  const std::vector<Network> networks =
      parse_stages(settings.network, parse_image_shape(settings.input), settings.classes);
  if (networks.size() != 1) throw UsageError("--network: takes one network");
  const Device device = settings.device.open();
  const Network& network = networks.front();
  const Array<float> images = random_images(device, network.input_shape(), settings.batch);
  const Step step = settings.mode == Mode::infer ? inference_step(device, network, settings.batch, images)
                                                 : training_step(device, network, settings.batch, images);
  report(settings, device.info(), network, time_steps(device, step, settings.seconds), options.json());
}

}  // namespace cascadecl
