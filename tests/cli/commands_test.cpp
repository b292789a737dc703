#include <doctest/doctest.h>

#include <set>

#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

using nlohmann::json;

std::string missing_keys(const json& object, const std::vector<std::string>& keys) {
  std::string missing;
  for (const std::string& key : keys) {
    if (!object.contains(key)) missing += key + " ";
  }
  return missing;
}

TEST_CASE("devices lists all devices in one index space and what auto takes") {
  const Finished run = cascadecl_run({"devices", "--json"});
  REQUIRE(run.status == 0);
  const json devices = run.json()["devices"];
  REQUIRE_FALSE(devices.empty());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    CHECK(devices[i]["index"] == i);
    CHECK(missing_keys(devices[i], {"spec", "class", "name", "compute_units", "global_memory_bytes"}) == "");
  }
  CHECK(run.json()["auto"].is_number());
  CHECK(contains(cascadecl_run({"devices"}).out, devices[0]["name"].get<std::string>()));
}

TEST_CASE("info gives the counts of Table 1") {
  const Finished run = cascadecl_run({"info", "--stages", "resnet-8,resnet-110", "--json"});
  REQUIRE(run.status == 0);
  const json stages = run.json()["stages"];
  CHECK(stages[0]["convolution_mmac"].get<double>() == doctest::Approx(14.86).epsilon(0.0005));
  CHECK(stages[1]["convolution_mmac"].get<double>() == doctest::Approx(255.51).epsilon(0.00005));
  CHECK(missing_keys(stages[0], {"network", "parameters", "mmac", "layers"}) == "");
  CHECK(contains(cascadecl_run({"info", "--stages", "resnet-8"}).out, "14.86"));
}

TEST_CASE("info describes a model, its plans, and a dataset") {
  const SmallWorld world;
  const Finished model = cascadecl_run({"info", world.model(), "--device", "auto", "--json"});
  REQUIRE(model.status == 0);
  const json stage = model.json()["stages"][0];
  CHECK(stage["policy_mmac"].get<double>() > 0);
  CHECK(stage["plan"]["peak_bytes"].get<double>() > 0);
  CHECK_FALSE(stage["plan"]["steps"].empty());
  CHECK(missing_keys(stage["plan"]["steps"][0], {"layers", "variant", "reason", "mmac"}) == "");
  const Finished dataset = cascadecl_run({"info", world.data(), "--json"});
  REQUIRE(dataset.status == 0);
  CHECK(dataset.json()["classes"] == 10);
  CHECK(dataset.out == cascadecl_run({"data", "info", world.data(), "--json"}).out);
}

TEST_CASE("data generate writes the same bytes for the same seed") {
  const TemporaryFolder folder;
  const std::string a = (folder / "a.h5").string(), b = (folder / "b.h5").string(), c = (folder / "c.h5").string();
  const auto generate = [](const std::string& file, const std::string& seed) {
    return cascadecl_run(
        {"data", "generate", "-o", file, "--train", "20", "--test", "10", "--size", "12", "--seed", seed, "--json"});
  };
  const Finished run = generate(a, "5");
  REQUIRE(run.status == 0);
  CHECK(run.json()["image_shape"] == json({3, 12, 12}));
  CHECK(generate(b, "5").status == 0);
  CHECK(generate(c, "6").status == 0);
  CHECK(read_text(a) == read_text(b));
  CHECK(read_text(a) != read_text(c));
}

TEST_CASE("eval reports all promised keys, and its counts add up") {
  const SmallWorld world;
  const Finished run = cascadecl_run({"eval", world.model(), "--data", world.data(), "--static", "--json"});
  REQUIRE(run.status == 0);
  CHECK(run.err.empty() == run.json()["warnings"].empty());  // no progress without a terminal
  const json result = run.json();
  CHECK(missing_keys(result, {"images", "top1", "top5", "mmac_per_image", "mac_fraction", "images_per_s", "device",
                              "kernel_class", "policy", "stages", "static", "predicted_saving", "measured_saving",
                              "saving_ratio"}) == "");
  CHECK(result["images"] == 30);
  REQUIRE(result["stages"].size() == 2);
  int stopped = 0;
  for (const json& stage : result["stages"]) {
    CHECK(missing_keys(stage, {"network", "mmac", "entered", "stopped", "top1_of_stopped", "device", "ms_per_image",
                               "time_ms", "policy_ms", "compaction_ms"}) == "");
    CHECK(stage["top1_of_stopped"].is_null() == (stage["stopped"] == 0));
    stopped += stage["stopped"].get<int>();
    const double inside = stage["policy_ms"].get<double>() + stage["compaction_ms"].get<double>();
    if (stage["entered"] == 0) continue;
    CHECK(inside > 0);
    CHECK(inside < stage["time_ms"].get<double>());
  }
  CHECK(stopped == 30);
  CHECK(result["stages"][0]["entered"] == 30);
  REQUIRE(result["static"].size() == 2);
  for (const json& stage : result["static"]) {
    CHECK(missing_keys(stage, {"network", "top1", "mmac", "images_per_s"}) == "");
  }
}

TEST_CASE("what eval saves in time is unknown without --static") {
  const SmallWorld world;
  const json result = cascadecl_run({"eval", world.model(), "--data", world.data(), "--json"}).json();
  CHECK(result["predicted_saving"].is_number());
  CHECK(result["measured_saving"].is_null());
  CHECK(result["saving_ratio"].is_null());
}

TEST_CASE("eval takes learned and sampled policies and combinations, from flags or a config file") {
  const SmallWorld world;
  const auto stop_text = [](const Finished& run) { return run.json()["policy"]["stop"].get<std::string>(); };
  for (const std::string policy : {"learned:0.5", "sample", "learned:0.25"}) {
    for (const char* combine : {"reweight", "last"}) {
      const Finished run = cascadecl_run({"eval", "--data", world.data() + ":test", "--combine", combine, "--json",
                                          "--policy", policy, world.model()});
      REQUIRE(run.status == 0);
      CHECK(stop_text(run) == policy);
      CHECK(run.json()["policy"]["combine"] == combine);
    }
  }
  write_text(world.folder / "eval.ini", "policy = learned:0\njson = true\ndata = " + world.data() + "\n");
  const Finished run = cascadecl_run({"eval", world.model(), "--config", world.path("eval.ini")});
  REQUIRE(run.status == 0);
  CHECK(stop_text(run) == "learned:0");
  CHECK(run.json()["stages"][1]["entered"] == 0);
  CHECK(run.json()["stages"][1]["ms_per_image"].is_null());
}

TEST_CASE("accuracy does not depend on the batch size, be it 1 or larger than the set") {
  const SmallWorld world;
  std::set<std::string> answers;
  for (const char* batch : {"1", "7", "1000"}) {
    const Finished run =
        cascadecl_run({"eval", world.model(), "--data", world.data(), "--batch-size", batch, "--json"});
    REQUIRE(run.status == 0);
    const json result = run.json();
    answers.insert(result["top1"].dump() + result["top5"].dump() + result["mmac_per_image"].dump());
  }
  CHECK(answers.size() == 1);
}

TEST_CASE("stages may be given devices of their own") {
  const SmallWorld world;
  const Finished run =
      cascadecl_run({"eval", world.model(), "--data", world.data(), "--device", "auto,auto", "--json"});
  REQUIRE(run.status == 0);
  CHECK(run.json()["stages"][1]["device"] == run.json()["device"]);
}

TEST_CASE("bench prints images_per_s for inference and training") {
  for (const char* mode : {"infer", "train"}) {
    const Finished run = cascadecl_run({"bench", "--network", "resnet-8", "--batch", "4", "--mode", mode, "--seconds",
                                        "0", "--device", "auto", "--input", "3x8x8", "--json"});
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json()["images_per_s"].get<double>() > 0);
    CHECK(run.json()["mode"] == mode);
    CHECK(missing_keys(run.json(), {"network", "batch", "device", "median_step_ms"}) == "");
  }
}

TEST_CASE("bench runs the kernel class that was asked for and names it") {
  const auto bench = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"bench",     "--network", "resnet-8", "--batch", "2",
                                          "--seconds", "0",         "--input",  "3x8x8",   "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cascadecl_run(arguments);
  };
  for (const char* kernels : {"cpu", "gpu", "reference"}) {
    const Finished run = bench({"--kernel-class", kernels, "--mode", "train"});
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    CHECK(run.json()["kernel_class"] == kernels);
  }
  CHECK(error_fault(bench({"--kernel-class", "tpu"}), 2, "--kernel-class: 'tpu'") == "");
}

TEST_CASE("info and tune run the kernel class that was asked for") {
  for (const auto& [kernels, variant] : {std::pair{"gpu", "gemm"}, std::pair{"reference", "reference"}}) {
    const Finished run =
        cascadecl_run({"info", "--stages", "resnet-8", "--device", "auto", "--kernel-class", kernels, "--json"});
    REQUIRE(run.status == 0);
    CHECK(run.json()["kernel_class"] == kernels);
    CHECK(run.json()["stages"][0]["plan"]["steps"][0]["variant"] == variant);
  }
  CHECK(error_fault(cascadecl_run({"info", "--stages", "resnet-8", "--kernel-class", "gpu"}), 2, "--device") == "");
  CHECK(error_fault(cascadecl_run({"tune", "--network", "resnet-8", "--kernel-class", "tpu"}), 2, "'tpu'") == "");
}

TEST_CASE("eval of the GPU class answers like that of the reference kernels") {
  const SmallWorld world;
  const auto eval = [&](const char* kernels) {
    const Finished run =
        cascadecl_run({"eval", world.model(), "--data", world.data(), "--kernel-class", kernels, "--json"});
    REQUIRE(run.status == 0);
    return run.json();
  };
  const json gpu = eval("gpu"), reference = eval("reference");
  CHECK(gpu["kernel_class"] == "gpu");
  CHECK(reference["kernel_class"] == "reference");
  CHECK(gpu["top1"] == reference["top1"]);
  CHECK(gpu["mmac_per_image"] == reference["mmac_per_image"]);
}

TEST_CASE("--precision fp16 runs inference, and results name it") {
  const Finished bench = cascadecl_run({"bench", "--network", "resnet-8", "--batch", "4", "--seconds", "0", "--input",
                                        "3x8x8", "--precision", "fp16", "--json"});
  CAPTURE(bench.err);
  REQUIRE(bench.status == 0);
  CHECK(bench.json()["precision"] == "fp16 storage");
  const SmallWorld world;
  const Finished profile = cascadecl_run({"profile", world.model(), "--data", world.data(), "--images", "10", "--runs",
                                          "1", "--precision", "fp16", "--json"});
  REQUIRE(profile.status == 0);
  CHECK(profile.json()["precision"] == "fp16 storage");
}

TEST_CASE("eval --precision fp16 tells what it changes against fp32, unless asked not to") {
  const SmallWorld world;
  const auto eval = [&](std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"eval", world.model(), "--data", world.data(), "--json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Finished run = cascadecl_run(arguments);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    return run.json();
  };
  const json fp32 = eval({}), compared = eval({"--precision", "fp16"});
  const json& precision = compared["precision"];
  CHECK(precision["storage"] == "fp16");
  CHECK(precision["top1_fp32"] == fp32["top1"]);
  CHECK(precision["top1_change"].get<double>() ==
        doctest::Approx(compared["top1"].get<double>() - fp32["top1"].get<double>()));
  CHECK(precision["exits_changed"].get<int>() <= 30);
  CHECK(precision["largest_probability_difference"].get<double>() > 0);
  CHECK(precision["largest_probability_difference"].get<double>() < 0.05);
  CHECK(fp32["precision"]["storage"] == "fp32");
  CHECK(fp32["precision"]["top1_change"].is_null());
  CHECK(eval({"--precision", "fp16", "--no-compare"})["precision"]["top1_change"].is_null());
  const Finished text = cascadecl_run({"eval", world.model(), "--data", world.data(), "--precision", "fp16"});
  CHECK(contains(text.out, "fp16 storage: top-1 "));
}

TEST_CASE("profile does not measure a saving against a stage that does not run") {
  const SmallWorld world;
  const json profile = cascadecl_run({"profile", world.model(), "--data", world.data(), "--images", "10", "--runs", "1",
                                      "--policy", "static:0", "--json"})
                           .json();
  CHECK(profile["mac_fraction"] < 1);
  CHECK(profile["predicted_saving"].get<double>() == doctest::Approx(1 - profile["mac_fraction"].get<double>()));
  for (const char* key : {"measured_saving", "saving_ratio", "measured_saving_mj"}) CHECK(profile[key].is_null());
}

TEST_CASE("profile gives time, and energy only where it was measured") {
  const SmallWorld world;
  const Finished run =
      cascadecl_run({"profile", world.model(), "--data", world.data(), "--images", "10", "--runs", "1", "--json"});
  REQUIRE(run.status == 0);
  const json result = run.json();
  CHECK(result["images"] == 10);
  CHECK(result["ms_per_image"].get<double>() > 0);
  CHECK(missing_keys(result["stages"][0],
                     {"network", "device", "ms_per_image", "alone_ms_per_image", "alone_mj_per_image"}) == "");
  const bool measured = result["mj_per_image"].is_number();
  if (!measured) CHECK_FALSE(result["energy"]["sources_tried"].empty());
  const Finished strict = cascadecl_run(
      {"profile", world.model(), "--data", world.data(), "--images", "10", "--runs", "1", "--require-energy"});
  if (measured) {
    CHECK(strict.status == 0);
  } else {
    CHECK(error_fault(strict, 5, "energy") == "");
  }
}

}  // namespace
}  // namespace cascadecl::testing
