#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/cascade/executor.h"
#include "runtime/network/zoo.h"
#include "tests/bench/suite.h"
#include "tests/bench/timing.h"

// What a cascade costs as images, batch, depth and survivors vary, one at a time. Its policies let a fixed share of the
// images go on, whatever they show.
namespace cascadecl::bench {
namespace {

constexpr ImageShape kShape{3, 32, 32};
constexpr int kClasses = 10;

struct Case {
  std::string varied;  // "images", "batch", "depth" or "survivors"
  std::vector<std::string> stages;
  int images = 1024, batch = 128;
  double survivors = 0.5;  // of the images that enter a stage, the share that goes on
};

Policy constant_policy(double survivors) {
  constexpr int hidden = 16;
  Policy policy{.classes = kClasses, .hidden = hidden};
  policy.weight1.assign(hidden * kClasses, 0);
  policy.weight2.assign(hidden * hidden, 0);
  policy.weight3.assign(2 * hidden, 0);
  policy.bias1.assign(hidden, 0);
  policy.bias2.assign(hidden, 0);
  const double stop = std::clamp(1 - survivors, 1e-9, 1 - 1e-9);
  policy.bias3 = {static_cast<float>(std::log(stop / (1 - stop))), 0};
  return policy;
}

Model model_of(const Case& c) {
  Model model{.classes = kClasses, .input = kShape, .mean = {0.5F, 0.5F, 0.5F}, .std = {0.25F, 0.25F, 0.25F}};
  for (const std::string& name : c.stages) {
    const Network network = make_network(name, kShape, kClasses);
    model.stages.push_back({network, initial_parameters(network, model.stages.size())});
  }
  model.policies.assign(c.stages.size() - 1, constant_policy(c.survivors));
  return model;
}

std::vector<Case> cases(bool smoke) {
  if (smoke) return {{"survivors", {"resnet-8", "resnet-8"}, 32, 16, 0.5}};
  const std::vector<std::string> three = {"resnet-8", "resnet-20", "resnet-56"};
  std::vector<Case> all;
  for (const int images : {128, 512, 1024, 2048, 4096}) all.push_back({"images", three, images});
  for (const int batch : {1, 2, 4, 8, 16, 32, 64, 128, 256}) all.push_back({"batch", three, 1024, batch});
  for (std::size_t depth = 1; depth <= 5; ++depth)
    all.push_back({"depth", std::vector<std::string>(depth, "resnet-20")});
  for (const double survivors : {0.0, 0.1, 0.25, 0.5, 0.75, 1.0})
    all.push_back({"survivors", {"resnet-8", "resnet-56"}, 1024, 128, survivors});
  return all;
}

// Multiply-adds an image, of what the stages ran.
double mmac(const Model& model, const CascadeResult& result) {
  double sum = 0;
  for (std::size_t k = 0; k < model.stages.size(); ++k)
    sum += model.stage_macs(k) / 1e6 * static_cast<double>(result.stages[k].entered);
  return sum / static_cast<double>(result.images);
}

}  // namespace

Table cascade(const Device& device, const Settings& settings) {
  Table table("Cascade", {{"varied", "varied"},
                          {"stages", "stages", 0},
                          {"images", "images", 0},
                          {"batch", "batch", 0},
                          {"survivors", "survivors", 2},
                          {"ms", "ms", 1},
                          {"ms_per_image", "ms an image", 4},
                          {"mmac_per_image", "MMAC an image", 2},
                          {"gflops", "GFLOP/s", 0}});
  for (const Case& c : cases(settings.smoke)) {
    const Model model = model_of(c);
    ExecutorSettings run{.max_batch = c.batch};
    run.policy = make_policy({PolicyKind::sample}, {1});
    CascadeExecutor executor(model, std::vector<Device>(c.stages.size(), device), run);
    const std::vector<std::uint8_t> images(static_cast<std::size_t>(c.images) * 3 * 32 * 32, 100);
    CascadeResult result;
    const double seconds = medians(device, {[&] { result = executor.classify(images); }}, settings.seconds).front();
    const double cost = mmac(model, result);
    table.add({{"varied", c.varied},
               {"stages", c.stages.size()},
               {"images", c.images},
               {"batch", c.batch},
               {"survivors", c.survivors},
               {"ms", seconds * 1e3},
               {"ms_per_image", seconds * 1e3 / c.images},
               {"mmac_per_image", cost},
               {"gflops", 2e-3 * cost * c.images / seconds}});
  }
  return table;
}

}  // namespace cascadecl::bench
