#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "data/dataset_writer.h"
#include "data/generated/generate.h"
#include "data/loader.h"
#include "tests/cli/process.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl::testing {
namespace {

// 20 images of 32x32, drawn for ten classes, in a dataset of `classes` of them.
std::string images_of_classes(const TemporaryFolder& folder, int classes) {
  const MemoryDataset drawn = generate_in_memory({.size = 32}, 0, 20);
  DatasetHeader header = drawn.header();
  header.label_names.clear();
  for (int i = 0; i < classes; ++i) header.label_names.push_back(fmt::format("class {}", i));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(drawn.size() * header.dims.bytes()));
  drawn.read(all_indices(drawn.size()), pixels.data());
  std::string path = (folder / "data.h5").string();
  DatasetWriter writer(path, header);
  writer.begin_split("train", drawn.size());
  writer.append(pixels, drawn.labels());
  writer.commit();
  return path;
}

// What training with a config of share/configs was trained with, for a moment and on a few images; only the two
// smallest stages, as building the kernels of the others takes minutes.
nlohmann::json trained_with(const std::string& name, int classes, const std::string& smallest) {
  const TemporaryFolder folder;
  const Finished run =
      cascadecl_run({"train", "--config", std::string(CASCADECL_CONFIGS) + "/" + name, "--data",
                     images_of_classes(folder, classes), "-o", (folder / "model.h5").string(), "--stages", smallest,
                     "--epochs", "1", "--policy-epochs", "1", "--joint-epochs", "1", "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return run.json();
}

// He et al. 2016, section 4.2.
void check_schedule(const nlohmann::json& settings) {
  CHECK(settings["schedule"] == "step");
  CHECK(settings["learning_rate"] == 0.1);
  CHECK(settings["momentum"] == 0.9);
  CHECK(settings["weight_decay"] == 1e-4);
  CHECK(settings["batch_size"] == 128);
  CHECK(settings["augment"] == true);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool says(const std::string& config, const std::string& line) {
  return text_of(std::filesystem::path(CASCADECL_CONFIGS) / config).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("the configs of the paper train its cascades by its schedule, on data of their shape") {
  for (const auto& entry : {std::pair{"cifar10-paper.cfg", 10}, {"cifar100-paper.cfg", 100}}) {
    const auto& [name, classes] = entry;
    CAPTURE(entry.first);
    const nlohmann::json settings = trained_with(name, classes, "resnet-8,resnet-20")["training"]["settings"];
    check_schedule(settings);
    CHECK(says(name, "stages = resnet-8,resnet-20,resnet-32,resnet-56,resnet-110"));
    CHECK(settings["policy_hidden"] == 64);
    CHECK(settings["top_k"] == 1);
  }
}

TEST_CASE(
    "the config for ImageNet32x32 trains wide residual networks, with policies of 256 units judged by five answers") {
  const nlohmann::json run = trained_with("imagenet32-paper.cfg", 1000, "wrn-10-1,wrn-10-1.5");
  const nlohmann::json settings = run["training"]["settings"];
  check_schedule(settings);
  CHECK(says("imagenet32-paper.cfg", "stages = wrn-40-1,wrn-40-1.5,wrn-40-2,wrn-40-3,wrn-40-4"));
  CHECK(settings["policy_hidden"] == 256);
  CHECK(settings["top_k"] == 5);
  CHECK(run["stages"].size() == 2);
}

TEST_CASE("every config names flags only that train has, and as many epochs as it says") {
  std::map<std::string, int> epochs = {
      {"cifar10.cfg", 14},         {"cifar10-best.cfg", 200},    {"cifar10-paper.cfg", 164}, {"cifar100-best.cfg", 200},
      {"cifar100-paper.cfg", 164}, {"imagenet32-paper.cfg", 40}, {"quickstart.cfg", 12}};
  for (const auto& entry : std::filesystem::directory_iterator(CASCADECL_CONFIGS)) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    REQUIRE(epochs.count(name) == 1);
    // Fails after the config has been read, as there is no such data.
    CHECK(error_fault(cascadecl_run({"train", "--config", entry.path().string(), "--data", "none.h5", "-o", "m.h5"}), 4,
                      "none.h5") == "");
    CHECK(says(name, fmt::format("epochs = {}", epochs[name])));
    epochs.erase(name);
  }
  CHECK(epochs.empty());
}

}  // namespace
}  // namespace cascadecl::testing
