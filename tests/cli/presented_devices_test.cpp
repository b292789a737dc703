#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "data/dataset_file.h"
#include "data/dataset_writer.h"
#include "data/generated/generate.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/layers.h"
#include "tests/cli/predictions.h"
#include "tests/cli/process.h"

// The program on devices that a layer presents: tests/opencl_layer/present.h.
namespace cascadecl::testing {
namespace {

using nlohmann::json;

// A CPU, an integrated and two discrete GPUs.
const std::vector<std::string> all_classes =
    presented("0.1 class=igpu, name=Toy iGPU; 0.2 class=gpu, name=Toy GPU; 0.3 class=gpu, name=Second GPU",
              "basic basic basic basic");

std::vector<json> devices(const std::vector<std::string>& environment) {
  const Finished run = cascadecl_run({"devices", "--json"}, environment);
  REQUIRE(run.status == 0);
  return run.json()["devices"];
}

bool there_are_four() {
  if (devices(all_classes).size() == 4) return true;
  MESSAGE("skipped: there are other OpenCL platforms than PoCL");
  return false;
}

// What `info` says of the plan on the device of a SPEC.
Finished info(const std::string& spec, const std::vector<std::string>& environment) {
  return cascadecl_run({"info", "--stages", "resnet-8", "--input", "3x8x8", "--device", spec, "--json"}, environment);
}

struct Prediction {
  Finished run;
  std::string file;
};

Prediction predict(const SmallWorld& world, const std::string& model, const std::vector<std::string>& flags,
                   const std::vector<std::string>& environment = {}) {
  Prediction prediction{.file = world.path("predictions.h5")};
  std::vector<std::string> arguments = {"predict", model, "--data", world.data(), "-o", prediction.file, "--json"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  prediction.run = cascadecl_run(arguments, environment);
  return prediction;
}

StagePredictions read(const Prediction& prediction, int stages, int images) {
  CAPTURE(prediction.run.err);
  REQUIRE(prediction.run.status == 0);
  return {prediction.file, stages, images};
}

// 30 images of a small world, which leave at both stages.
Prediction predict_small(const SmallWorld& world, const std::vector<std::string>& environment,
                         const std::string& device = "auto") {
  return predict(world, world.model(), {"--policy", "sample", "--device", device}, environment);
}

TEST_CASE("devices shows the class and the limits that a device has") {
  if (!there_are_four()) return;
  const std::vector<json> all = devices(all_classes);
  CHECK(all[0]["class"] == "cpu");
  CHECK(all[1]["class"] == "igpu");
  CHECK(all[2]["class"] == "gpu");
  CHECK(all[2]["name"] == "Toy GPU");
  const json limited =
      devices(presented("0.0 class=gpu, vendor=Toys, driver=7.5, work_group=64, memory=4000000, "
                        "local_memory=2048, compute_units=3, no_fp64"))[0];
  CHECK(limited["vendor"] == "Toys");
  CHECK(limited["driver_version"] == "7.5");
  CHECK(limited["max_work_group_size"] == 64);
  CHECK(limited["global_memory_bytes"] == 4000000);
  CHECK(limited["max_allocation_bytes"] == 4000000);
  CHECK(limited["local_memory_bytes"] == 2048);
  CHECK(limited["compute_units"] == 3);
  CHECK(limited["fp64"] == false);
}

TEST_CASE("a SPEC picks by class, by place in the class and by place on the platform") {
  if (!there_are_four()) return;
  const std::string cpu = devices(all_classes)[0]["name"];
  const std::vector<std::pair<std::string, std::string>> picks = {{"cpu", cpu},
                                                                  {"igpu", "Toy iGPU"},
                                                                  {"igpu:0", "Toy iGPU"},
                                                                  {"gpu", "Toy GPU"},
                                                                  {"gpu:1", "Second GPU"},
                                                                  {"ocl:0.1", "Toy iGPU"},
                                                                  {"ocl:0.3", "Second GPU"},
                                                                  {"auto", "Toy GPU"}};
  for (const auto& entry : picks) {
    const auto& [spec, name] = entry;
    CAPTURE(entry.first);
    const Finished run = info(spec, all_classes);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json()["device"] == name);
  }
  CHECK(info("auto", presented("0.1 class=igpu, name=Toy iGPU", "basic basic")).json()["device"] == "Toy iGPU");
}

TEST_CASE("a device that is not there is refused, and those that are there are listed") {
  if (!there_are_four()) return;
  for (const char* spec : {"igpu:1", "gpu:2", "cpu:1", "ocl:0.4", "ocl:7.0"}) {
    CAPTURE(spec);
    const Finished run = info(spec, all_classes);
    CHECK(error_fault(run, 3, spec) == "");
    for (const char* there : {"ocl:0.1 (igpu, Toy iGPU)", "ocl:0.3 (gpu, Second GPU)"}) CHECK(contains(run.err, there));
  }
}

// Drawn images as a dataset of the model's classes.
void drawings_for(const std::string& model, int images, const SmallWorld& world) {
  const std::string drawn = world.path("drawn.h5");
  generate_dataset({.train_images = 1, .test_images = images, .size = 32}, drawn);
  const auto dataset = open_dataset(drawn, "test");
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images * dataset->header().dims.bytes()));
  dataset->read(all_indices(images), pixels.data());
  DatasetHeader header = dataset->header();
  header.label_names = read_model(model).label_names;
  DatasetWriter writer(world.data(), header);
  writer.begin_split("test", images);
  writer.append(pixels, dataset->labels());
  writer.commit();
}

TEST_CASE("the trained cascade answers alike on a CPU, an integrated and a discrete GPU") {
  const SmallWorld world;
  const int images = 24;
  drawings_for(TRAINED_MODEL, images, world);
  const StagePredictions on_cpu = read(predict(world, TRAINED_MODEL, {"--kernel-class", "cpu"}), 4, images);
  for (const std::string device : {"igpu", "gpu"}) {
    CAPTURE(device);
    const Prediction run =
        predict(world, TRAINED_MODEL, {"--device", device}, presented("0.0 name=Toy GPU, class=" + device));
    const StagePredictions there = read(run, 4, images);
    CHECK(run.run.json()["device"] == "Toy GPU");
    CHECK(there.exits == on_cpu.exits);
    CHECK(largest_difference(there, on_cpu) < 1e-4F);  // other order of summing
  }
}

TEST_CASE("a GPU of small limits answers as a CPU does") {
  const SmallWorld world;
  const StagePredictions on_cpu = read(predict_small(world, {}), 2, 30);
  CHECK(std::set<int>(on_cpu.exits.begin(), on_cpu.exits.end()).size() == 2);
  for (const std::string limits : {"name=Small GPU, no_fp64, no_fp16, address_bits=32, alignment=32768",
                                   "name=Toy GPU, work_group=64", "name=Toy GPU, work_group=32, local_memory=4096",
                                   "name=Toy GPU, work_group=1", "name=Toy GPU, local_memory=1024"}) {
    CAPTURE(limits);
    const StagePredictions there = read(predict_small(world, presented("0.0 class=gpu, " + limits), "gpu"), 2, 30);
    CHECK(there.exits == on_cpu.exits);
    CHECK(largest_difference(there, on_cpu) < 1e-4F);  // other order of summing
  }
}

TEST_CASE("--kernel-class gpu is refused where the work-groups are too small for it") {
  const Finished run = cascadecl_run({"info", "--stages", "resnet-8", "--device", "gpu", "--kernel-class", "gpu"},
                                     presented("0.0 class=gpu, name=Toy GPU, work_group=8"));
  CHECK(error_fault(run, 3, "Toy GPU: kernel class gpu") == "");
}

// What is said of a GPU with too little for one image, and the bytes that it would need.
struct Refusal {
  Refusal(const SmallWorld& world, const std::string& limit)
      : run(predict_small(world, presented("0.0 class=gpu, name=Toy GPU, " + limit)).run) {
    const std::size_t number = run.err.find_first_of("0123456789", run.err.find(" need "));
    if (number != std::string::npos) bytes = std::strtoull(&run.err[number], nullptr, 10);
  }
  Finished run;
  std::size_t bytes = 0;
};

TEST_CASE("a GPU without enough memory for one image is refused with the bytes needed") {
  const SmallWorld world;
  const Refusal memory(world, "memory=100000"), array(world, "allocation=10000");
  CHECK(error_fault(memory.run, 1, "device Toy GPU: batches of 1 need " + std::to_string(memory.bytes) + " bytes") ==
        "");
  CHECK(contains(memory.run.err, "bytes of memory, the device has 100000; no batch fits"));
  CHECK(memory.bytes > 100000);
  CHECK(error_fault(array.run, 1, "bytes, the device allows 10000; no batch fits") == "");
}

TEST_CASE("a GPU of little memory runs smaller batches, says so and gets the same answers") {
  const SmallWorld world;
  const std::size_t least = Refusal(world, "memory=100000").bytes;
  const StagePredictions on_cpu = read(predict_small(world, {}), 2, 30);
  const std::string little = "memory=" + std::to_string(least + least / 10);
  for (const std::string& limit : {little, little + ", memory_at_use"}) {
    CAPTURE(limit);
    const Prediction run = predict_small(world, presented("0.0 class=gpu, name=Toy GPU, " + limit));
    const StagePredictions there = read(run, 2, 30);
    const int batch = run.run.json()["batch_size"];
    CHECK(batch < 128);
    CHECK(contains(run.run.err, "batches of " + std::to_string(batch) + " are run"));
    CHECK(there.exits == on_cpu.exits);
    CHECK(largest_difference(there, on_cpu) < 1e-4F);  // other order of summing
  }
}

TEST_CASE("a cascade answers alike on both platforms and split over them") {
  const std::vector<json> all = devices({});
  if (all.back()["platform"] == all.front()["platform"]) {
    MESSAGE("skipped: there is one OpenCL platform");
    return;
  }
  const std::string first = all.front()["spec"], second = all.back()["spec"];
  const SmallWorld world;
  const StagePredictions expected = read(predict_small(world, {}, first), 2, 30);
  const std::string split = fmt::format("{},{}", first, second), turned = fmt::format("{},{}", second, first);
  for (const std::string& device : {second, split, turned}) {
    CAPTURE(device);
    const StagePredictions there = read(predict_small(world, {}, device), 2, 30);
    CHECK(there.exits == expected.exits);
    CHECK(largest_difference(there, expected) < 1e-4F);  // another compiler
  }
}

}  // namespace
}  // namespace cascadecl::testing
