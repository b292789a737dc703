#include "runtime/classifier/classifier.h"

#include <algorithm>
#include <utility>

#include "data/files/error.h"
#include "data/import/network_image.h"
#include "runtime/cascade/chosen_cascade.h"
#include "runtime/cascade/executor.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/single_images.h"

namespace cascadecl {
namespace {

std::vector<Device> open_devices(const ClassifierSettings& settings, std::size_t stages,
                                 const std::vector<DeviceInfo>& listed) {
  return open_stage_devices(select_stage_devices(settings.device, stages, listed), {.warning = settings.warning});
}

ChosenCascade choose_cascade(Model model, const ClassifierSettings& settings, std::span<const Device> devices) {
  if (settings.target && settings.policy) throw UsageError("classifier: give either a target or a policy");
  const ExecutorSettings executor{.max_batch = settings.batch_size, .precision = settings.precision};
  CascadeChoice choice{.policy = settings.policy};
  if (settings.target) choice.goal = goal_choice(*settings.target, model, devices, executor);
  return choose(std::move(model), choice, executor);
}

std::string names_once(const std::vector<Device>& devices) {
  std::vector<std::string> names;
  for (const Device& device : devices)
    if (std::ranges::find(names, device.info().name) == names.end()) names.push_back(device.info().name);
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<Classification> classifications(const Model& model, const CascadeResult& result) {
  std::vector<Classification> all;
  const auto classes = static_cast<std::size_t>(result.classes);
  for (std::int64_t i = 0; i < result.images; ++i) {
    const auto answer = std::span(result.answer).subspan(static_cast<std::size_t>(i) * classes, classes);
    const int label = result.label(i), exit = result.exit_stage[static_cast<std::size_t>(i)];
    all.push_back({.label = label,
                   .name = model.label_name(static_cast<std::size_t>(label)),
                   .probability = answer[static_cast<std::size_t>(label)],
                   .probabilities = {answer.begin(), answer.end()},
                   .exit_stage = exit,
                   .mmac = model.macs_through(exit) / 1e6});
  }
  return all;
}

}  // namespace

UnitGoal target_mac(double share) { return {{Goal::Kind::cost, share}, CostUnit::mac}; }
UnitGoal target_ms(double ms) { return {{Goal::Kind::cost, ms}, CostUnit::ms}; }
UnitGoal target_mj(double mj) { return {{Goal::Kind::cost, mj}, CostUnit::mj}; }
UnitGoal target_drop(double points) { return {{Goal::Kind::drop, points}, CostUnit::mac}; }

struct Classifier::State {
  ClassifierSettings settings;
  std::vector<DeviceInfo> listed;
  std::vector<Device> devices;
  ChosenCascade cascade;
  std::string policy, device_names;
  std::optional<CascadeExecutor> batches, single;  // made when they are first needed

  State(Model model, const ClassifierSettings& given)
      : settings(given),
        listed(list_devices()),
        devices(open_devices(settings, model.stages.size(), listed)),
        cascade(choose_cascade(std::move(model), settings, devices)),
        policy(to_string(cascade.choice)),
        device_names(names_once(devices)) {
    // A policy of one stage leaves a cascade of one.
    devices.resize(cascade.model.stages.size(), devices.front());
    cascade.settings.max_batch = fitting_batch(cascade.model, devices, cascade.settings);
  }

  CascadeExecutor& executor_for(std::size_t images) {
    if (images == 1) {
      if (!single) single.emplace(for_single_images());
      return *single;
    }
    if (!batches) batches.emplace(cascade.model, devices, cascade.settings);
    return *batches;
  }

  CascadeExecutor for_single_images() const {
    ExecutorSettings one = cascade.settings;
    one.max_batch = 1;
    const bool any_processor = settings.device == "auto" || settings.device == "cpu";
    const std::optional<DeviceInfo> serial = serial_device_beside(devices.front().info(), listed);
    std::vector<Network> networks;
    for (const Stage& stage : cascade.model.stages) networks.push_back(stage.network);
    if (!any_processor || !serial || !choose_for_single_images(devices.front().info(), networks).serial)
      return {cascade.model, devices, one};
    const Device device = Device(*serial, {.warning = settings.warning}).with_tuning(devices.front().tuning());
    return {cascade.model, std::vector<Device>(devices.size(), device), one};
  }
};

Classifier::Classifier(const std::filesystem::path& model, const ClassifierSettings& settings)
    : Classifier(read_model(model), settings) {}
Classifier::Classifier(Model model, const ClassifierSettings& settings)
    : state_(std::make_unique<State>(std::move(model), settings)) {}
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

Classification Classifier::classify_file(const std::filesystem::path& file) {
  return classify_files(std::span(&file, 1)).front();
}

Classification Classifier::classify_encoded(std::span<const std::uint8_t> bytes, const std::string& name) {
  const ImageShape& input = model().input;
  Image image = decode_network_image(bytes, name, {input.channels, input.height, input.width});
  turn_pictures(model(), image.pixels);
  return classify(image.pixels).front();
}

std::vector<Classification> Classifier::classify_files(std::span<const std::filesystem::path> files) {
  const ImageShape& input = model().input;
  std::vector<std::uint8_t> pixels;
  for (const std::filesystem::path& file : files) {
    const Image image = read_network_image(file, {input.channels, input.height, input.width});
    pixels.insert(pixels.end(), image.pixels.begin(), image.pixels.end());
  }
  turn_pictures(model(), pixels);
  return classify(pixels);
}

std::vector<Classification> Classifier::classify(std::span<const std::uint8_t> images) {
  const std::size_t count = images.size() / model().input.values();
  return classifications(model(), state_->executor_for(count).classify(images));
}

const Model& Classifier::model() const { return state_->cascade.model; }
const std::string& Classifier::policy() const { return state_->policy; }
const std::string& Classifier::devices() const { return state_->device_names; }

}  // namespace cascadecl
