#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "data/dataset_file.h"
#include "data/dataset_writer.h"
#include "data/files/hdf5_file.h"
#include "data/loader.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

std::vector<std::string> train(const SmallWorld& world, const std::string& model,
                               const std::vector<std::string>& more = {}, const std::string& epochs = "2") {
  std::vector<std::string> arguments = {"train", "--data", world.data(), "--stages", "resnet-8,resnet-14", "-o", model};
  arguments.insert(arguments.end(), {"--batch-size", "8", "--validation-share", "0.25", "--epochs", epochs});
  arguments.insert(arguments.end(), {"--policy-epochs", "2", "--joint-epochs", "1"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<float> answers(const SmallWorld& world, const std::string& model) {
  const std::string output = world.path("answers.h5");
  REQUIRE(cascadecl_run({"predict", model, "--data", world.data(), "-o", output}).status == 0);
  return Hdf5Reader(output).read<float>("/answer", {30, 10});
}

TEST_CASE("a cascade is trained, evaluated and asked through the program") {
  const SmallWorld world;
  const std::string model = world.path("trained.h5");
  const Finished run = cascadecl_run(train(world, model, {"--json"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.json()["model"] == model);
  CHECK(run.json()["stages"].size() == 2);
  CHECK(contains(run.err, "pretrain resnet-8 epoch 1"));  // plain lines without a terminal
  CHECK_FALSE(std::filesystem::exists(model + ".checkpoint"));
  const Finished eval = cascadecl_run({"eval", model, "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["stages"][1]["network"] == "resnet-14");
  CHECK(answers(world, model).size() == 300);
}

TEST_CASE("--quiet writes no progress") {
  const SmallWorld world;
  const Finished run = cascadecl_run(train(world, world.path("m.h5"), {"--quiet", "--phases", "pretrain"}));
  CHECK(run.status == 0);
  CHECK(run.err.empty());
}

TEST_CASE("a dataset whose name is no UTF-8 is trained on, and the model knows its held-out images") {
  const SmallWorld world;
  const auto images = open_dataset(world.data(), "train");
  const std::vector<std::int64_t> all = all_indices(images->size());
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images->size() * images->header().dims.bytes()));
  images->read(all, pixels.data());
  DatasetHeader header = images->header();
  header.name = "photos of M\xFCnchen";  // Latin-1
  const std::string data = world.path("latin.h5"), model = world.path("latin-model.h5");
  DatasetWriter writer(data, header);
  writer.begin_split("train", images->size());
  writer.append(pixels, images->labels());
  writer.commit();
  const Finished run = cascadecl_run({"train", "--data", data, "--stages", "resnet-8,resnet-14", "-o", model,
                                      "--phases", "pretrain,policy", "--epochs", "1", "--policy-epochs", "1"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const Finished fitted = cascadecl_run({"calibrate", model, "--data", data, "-o", model});
  CAPTURE(fitted.err);
  CHECK(fitted.status == 0);
}

TEST_CASE("Ctrl-C stops a training resumably, and the resumed one ends as if it had never stopped") {
  const SmallWorld world;
  const std::string whole = world.path("whole.h5"), broken = world.path("broken.h5");
  const std::string epochs = "12";  // enough that the signal comes before the end
  REQUIRE(cascadecl_run(train(world, whole, {}, epochs)).status == 0);

  Process process(train(world, broken, {}, epochs));
  while (!contains(process.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  const Finished stopped = process.wait();
  CHECK(stopped.status == 1);
  CHECK(contains(stopped.err, "--resume"));
  CHECK(std::filesystem::exists(broken + ".checkpoint"));
  CHECK_FALSE(std::filesystem::exists(broken));

  const Finished resumed = cascadecl_run(train(world, broken, {"--resume"}, epochs));
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(answers(world, broken) == answers(world, whole));
}

TEST_CASE("resuming without a checkpoint or with other settings is refused") {
  const SmallWorld world;
  CHECK(error_fault(cascadecl_run(train(world, world.path("m.h5"), {"--resume"})), 4, "m.h5.checkpoint") == "");
  const std::string checkpoint = world.path("c.h5");
  REQUIRE(cascadecl_run(train(world, world.path("m.h5"), {"--checkpoint", checkpoint, "--quiet"})).status == 0);
  REQUIRE(std::filesystem::exists(checkpoint));  // one that was asked for stays
  const Finished other =
      cascadecl_run(train(world, world.path("m.h5"), {"--checkpoint", checkpoint, "--resume", "--alpha", "0.7"}));
  CHECK(error_fault(other, 2, "alpha") == "");
}

TEST_CASE("a loss that is not finite stops the training") {
  const SmallWorld world;
  const Finished run = cascadecl_run(train(world, world.path("m.h5"), {"--learning-rate", "1000", "--quiet"}));
  CAPTURE(run.err);
  CHECK(run.status == 1);
  CHECK(contains(run.err, "finite"));
  CHECK_FALSE(std::filesystem::exists(world.path("m.h5")));
}

// A model that fits the world's images.
std::string trained_teacher(const SmallWorld& world) {
  const Finished run = cascadecl_run(train(world, world.path("teacher.h5"), {"--seed", "5", "--quiet"}, "1"));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  return world.path("teacher.h5");
}

TEST_CASE("stages learn from a teacher, its last stage, another one or all combined") {
  const SmallWorld world;
  const std::string teacher = trained_teacher(world);
  std::vector<std::vector<float>> all;
  for (const char* part : {"", "#0", "#combined"}) {
    CAPTURE(part);
    const Finished run = cascadecl_run(train(
        world, world.path("m.h5"), {"--teacher", teacher + part, "--teacher-weight", "0.5", "--quiet", "--json"}));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json settings = run.json()["training"]["settings"];
    CHECK(settings["teacher"] == teacher + part);
    CHECK(settings["teacher_temperature"] == 3);
    all.push_back(answers(world, world.path("m.h5")));
  }
  CHECK(all[0] != all[1]);
  CHECK(all[1] != all[2]);
  CHECK(all[2] != all[0]);
}

TEST_CASE("a teacher that cannot teach, or flags that say nothing, are refused before the training") {
  const SmallWorld world;
  const std::string teacher = trained_teacher(world);
  const auto fault = [&](const std::vector<std::string>& flags, int status, const std::string& text) {
    const Finished run = cascadecl_run(train(world, world.path("m.h5"), flags));
    CHECK_FALSE(contains(run.err, "epoch 1:"));
    return error_fault(run, status, text);
  };
  CHECK(fault({"--teacher-weight", "0.5"}, 2, "--teacher-weight: only with --teacher") == "");
  CHECK(fault({"--teacher-temperature", "2"}, 2, "--teacher-temperature: only with --teacher") == "");
  CHECK(fault({"--teacher", teacher, "--phases", "policy"}, 2, "--teacher: only with the phase pretrain or --refit") ==
        "");
  CHECK(fault({"--teacher", teacher + "#2"}, 2, "MODEL#0 to MODEL#1") == "");
  CHECK(fault({"--teacher", teacher, "--teacher-weight", "0.5,0.5,0.5"}, 2, "teacher weight: 3 values") == "");
  CHECK(fault({"--teacher", world.path("none.h5")}, 4, "none.h5") == "");
}

// A short training without the joint phase.
std::vector<std::string> with_target(const SmallWorld& world, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"--phases", "pretrain,policy", "--json", "--quiet"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return train(world, world.path("m.h5"), arguments, "1");
}

TEST_CASE("train finds the threshold for a budget that calibrate finds, and tells target, validation and test") {
  const SmallWorld world;
  const Finished run = cascadecl_run(with_target(world, {"--target-mac", "1.2", "--test", "test"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json decision = run.json()["decision"];
  CHECK(decision["target"]["value"] == 1.2);
  CHECK(decision["validation"]["cost"] <= 1.2);
  const Finished calibrated = cascadecl_run(
      {"calibrate", world.path("m.h5"), "--data", world.data(), "-o", world.path("c.h5"), "--temperature", "no",
       "--combination", "no", "--exit-functions", "no", "--target-mac", "1.2", "--test", "test", "--json"});
  REQUIRE(calibrated.status == 0);
  CHECK(calibrated.json()["decision"] == decision);
  const Finished eval = cascadecl_run({"eval", world.path("m.h5"), "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["policy"]["parameter"] == decision["parameter"]);
  CHECK(eval.json()["mac_fraction"].get<double>() == doctest::Approx(decision["test"]["mac_fraction"].get<double>()));

  const Finished drop = cascadecl_run(with_target(world, {"--target-drop", "100", "--policy", "entropy"}));
  REQUIRE(drop.status == 0);
  CHECK(drop.json()["decision"]["policy"] == "entropy");
  CHECK(drop.json()["decision"]["test"].is_null());
}

TEST_CASE("a refit keeps the threshold found before it, tells what it changes, and leaves no image held out") {
  const SmallWorld world;
  const std::string model = world.path("m.h5");
  const Finished run = cascadecl_run(train(
      world, model, {"--refit", "all", "--target-mac", "1.2", "--test", "test", "--phases", "pretrain,policy"}, "1"));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(contains(run.err, "refit resnet-14 epoch 1:"));
  CHECK(contains(run.err, "refit: all held-out figures are of the model as it is now"));
  CHECK(contains(run.out, "test after it"));
  const Finished json = cascadecl_run(train(world, model,
                                            {"--refit", "continue", "--target-mac", "1.2", "--test", "test", "--phases",
                                             "pretrain,policy", "--json", "--quiet"},
                                            "1"));
  REQUIRE(json.status == 0);
  const nlohmann::json decision = json.json()["decision"];
  CHECK(json.json()["training"]["before_refit"]["decision"]["parameter"] == decision["parameter"]);
  const Finished eval = cascadecl_run({"eval", model, "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["policy"]["parameter"] == decision["parameter"]);
  CHECK(eval.json()["mac_fraction"].get<double>() ==
        doctest::Approx(decision["test_after_refit"]["mac_fraction"].get<double>()));

  CHECK(error_fault(cascadecl_run({"calibrate", model, "--data", world.data(), "-o", world.path("c.h5")}), 2,
                    "refit") == "");
  CHECK(error_fault(cascadecl_run({"sweep", model, "--data", world.data(), "-o", world.path("s.json")}), 2, "refit") ==
        "");
  CHECK(error_fault(cascadecl_run({"train", "--data", world.data(), "--from", model, "-o", world.path("n.h5")}), 2,
                    "refit") == "");
}

TEST_CASE("a target out of reach ends a training before its refit, which goes on with another target") {
  const SmallWorld world;
  const std::string model = world.path("m.h5");
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> flags = {"--refit", "all", "--phases", "pretrain,policy"};
    flags.insert(flags.end(), more.begin(), more.end());
    return cascadecl_run(train(world, model, flags, "1"));
  };
  CHECK(error_fault(with({"--target-mac", "0.001", "--quiet"}), 1,
                    "m.h5.checkpoint holds the model before its refit") == "");
  const Finished resumed = with({"--target-mac", "1.2", "--resume"});
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK_FALSE(contains(resumed.err, "pretrain resnet-8"));
  CHECK(contains(resumed.err, "refit resnet-14 epoch 1:"));
  CHECK(contains(resumed.out, "target      1.2"));
}

TEST_CASE("Ctrl-C stops a refit resumably, and the resumed one ends as if it had never stopped") {
  const SmallWorld world;
  const std::string whole = world.path("whole.h5"), broken = world.path("broken.h5");
  const std::string epochs = "12";
  REQUIRE(cascadecl_run(train(world, whole, {"--refit", "all"}, epochs)).status == 0);
  Process process(train(world, broken, {"--refit", "all"}, epochs));
  while (!contains(process.err_so_far(), "refit resnet-8 epoch 2:"))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  const Finished stopped = process.wait();
  CHECK(stopped.status == 1);
  const Finished resumed = cascadecl_run(train(world, broken, {"--refit", "all", "--resume"}, epochs));
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK_FALSE(contains(resumed.err, "policy"));
  CHECK(answers(world, broken) == answers(world, whole));
}

TEST_CASE("a target out of reach tells the nearest, and the trained model is kept") {
  const SmallWorld world;
  CHECK(error_fault(cascadecl_run(with_target(world, {"--target-mac", "0.001"})), 1, "nearest") == "");
  const Finished eval = cascadecl_run({"eval", world.path("m.h5"), "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["policy"]["parameter"] == 0.5);
}

TEST_CASE("a target that could not be looked for is refused before the training") {
  const SmallWorld world;
  const std::vector<std::vector<std::string>> wrong = {{"--target-mac", "0.5", "--target-ms", "1"},
                                                       {"--target-mac", "0.5", "--policy", "oracle"},
                                                       {"--target-mac", "0.5", "--policy", "ann"},
                                                       {"--policy", "margin"}};
  for (const std::vector<std::string>& flags : wrong) {
    CAPTURE(flags.back());
    CHECK(error_fault(cascadecl_run(with_target(world, flags)), 2, "--") == "");
  }
  CHECK(error_fault(cascadecl_run({"train", "--data", world.data(), "--stages", "resnet-8", "-o", world.path("m.h5"),
                                   "--target-mac", "0.5"}),
                    2, "single stage") == "");
  CHECK(error_fault(cascadecl_run(with_target(world, {"--target-mac", "0.5", "--test", "none"})), 4, "none") == "");
  CHECK_FALSE(std::filesystem::exists(world.path("m.h5")));
}

TEST_CASE("train prices stages by their time or energy, where there are meters") {
  const SmallWorld world;
  const Finished run = cascadecl_run(with_target(world, {"--cost", "ms"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json training = run.json()["training"];
  CHECK(training["settings"]["cost"] == "ms");
  REQUIRE(training["relative_costs"].size() == 2);
  double largest = 0;
  for (const auto& cost : training["relative_costs"]) {
    CHECK(cost.get<double>() > 0);
    largest = std::max(largest, cost.get<double>());
  }
  CHECK(largest == 1.0);

  std::filesystem::remove(world.path("m.h5"));
  for (const std::vector<std::string>& flags :
       std::vector<std::vector<std::string>>{{"--cost", "mj"}, {"--target-mj", "1e9"}}) {
    std::vector<std::string> without_meter = flags;
    without_meter.insert(without_meter.end(), {"--sys-root", world.path("no-sys")});
    const Finished energy = cascadecl_run(train(world, world.path("m.h5"), without_meter, "1"));
    CHECK(error_fault(energy, 5, "energy: powercap (" + world.path("no-sys")) == "");
    CHECK_FALSE(contains(energy.err, "epoch"));
    CHECK_FALSE(std::filesystem::exists(world.path("m.h5")));
  }
}

// PoCL with two devices where it alone is there.
const std::vector<std::string> two_devices = {"POCL_DEVICES=pthread pthread"};

TEST_CASE("stages are pretrained on two devices as on one, and stopped and resumed there") {
  const SmallWorld world;
  if (cascadecl_run({"devices", "--json"}, two_devices).json()["devices"].size() < 2) return;  // another OpenCL
  const std::string whole = world.path("whole.h5"), both = world.path("both.h5"), broken = world.path("broken.h5");
  const std::string epochs = "12";
  REQUIRE(cascadecl_run(train(world, whole, {"--device", "cpu:0"}, epochs)).status == 0);
  const std::vector<std::string> on_two = {"--device", "cpu:0,cpu:1"};
  const Finished run = cascadecl_run(train(world, both, on_two, epochs), two_devices);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(answers(world, both) == answers(world, whole));

  Process process(train(world, broken, on_two, epochs), {}, two_devices);
  while (!contains(process.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  const Finished stopped = process.wait();
  CHECK(stopped.status == 1);
  CHECK(contains(stopped.err, "--resume"));
  const Finished resumed =
      cascadecl_run(train(world, broken, {"--device", "cpu:0,cpu:1", "--resume"}, epochs), two_devices);
  CAPTURE(resumed.err);
  REQUIRE(resumed.status == 0);
  CHECK(answers(world, broken) == answers(world, whole));

  CHECK(error_fault(cascadecl_run(train(world, broken, {"--device", "cpu:0,cpu:0"})), 2, "twice") == "");
  CHECK(error_fault(cascadecl_run(train(world, broken, {"--device", "cpu:0,cpu:7"}), two_devices), 3, "cpu:7") == "");
}

}  // namespace
}  // namespace cascadecl::testing
