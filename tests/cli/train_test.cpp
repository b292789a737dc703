#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <thread>

#include "data/dataset_file.h"
#include "data/dataset_writer.h"
#include "data/files/hdf5_file.h"
#include "data/loader.h"
#include "runtime/cascade/model_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

std::vector<std::string> train(const SmallWorld& world, const std::string& model,
                               const std::vector<std::string>& more = {}, const std::string& epochs = "2") {
  std::vector<std::string> arguments = {"train", "--data", world.data(), "--stages", "resnet-8,resnet-14", "-o", model};
  arguments.insert(arguments.end(), {"--batch-size", "8", "--validation-share", "0.25", "--epochs", epochs});
  arguments.insert(arguments.end(), {"--policy-epochs", "2", "--joint-epochs", "1", "--alpha", "0.1"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<float> answers(const SmallWorld& world, const std::string& model, const std::string& policy = "learned") {
  const std::string output = world.path("answers.h5");
  REQUIRE(cascadecl_run({"predict", model, "--data", world.data(), "-o", output, "--policy", policy}).status == 0);
  return Hdf5Reader(output).read<float>("/answer", {30, 10});
}

using Labels = std::vector<std::int32_t>;

// The world's dataset file with another header or other labels.
std::string changed_data(const SmallWorld& world, const std::function<void(DatasetHeader&, Labels&)>& change) {
  const std::string path = world.path("changed.h5");
  std::optional<DatasetWriter> writer;
  for (const char* split : {"train", "test"}) {
    const auto images = open_dataset(world.data(), split);
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images->size() * images->header().dims.bytes()));
    images->read(all_indices(images->size()), pixels.data());
    DatasetHeader header = images->header();
    Labels labels(images->labels().begin(), images->labels().end());
    change(header, labels);
    if (!writer) writer.emplace(path, header);
    writer->begin_split(split, images->size());
    writer->append(pixels, labels);
  }
  writer->commit();
  return path;
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
  const std::string model = world.path("latin-model.h5");
  const std::string data =
      changed_data(world, [](DatasetHeader& header, Labels&) { header.name = "photos of M\xFCnchen"; });  // Latin-1
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

TEST_CASE("an interrupted training is never replaced by a new one, and the command shown to go on is one for a shell") {
  const SmallWorld world;
  const std::string model = world.path("my model's.h5"), epochs = "100";
  Process process(train(world, model, {}, epochs));
  while (!contains(process.err_so_far(), "epoch 1:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  CHECK(contains(process.wait().err, "-o '" + world.path("my model'\\''s.h5") + "' --batch-size 8"));
  const std::string kept = read_text(model + ".checkpoint");
  const Finished again = cascadecl_run(train(world, model, {}, "1"));
  CHECK(error_fault(again, 2, model + ".checkpoint holds a training that stopped before its end; --resume") == "");
  CHECK(read_text(model + ".checkpoint") == kept);
  std::filesystem::remove(model + ".checkpoint");
  CHECK(cascadecl_run(train(world, model, {"--phases", "pretrain"}, "1")).status == 0);
}

TEST_CASE("best epochs, patience and class weights are asked for by flags, and resumed") {
  const SmallWorld world;
  const std::string whole = world.path("whole.h5"), broken = world.path("broken.h5"), epochs = "30";
  write_text(world.path("weights.txt"), "disc 2\n\nfive-pointed star 0.5\n");
  const std::vector<std::string> flags = {
      "--keep", "best", "--patience", "8", "--class-weights", world.path("weights.txt"), "--phases", "pretrain,policy"};
  std::vector<std::string> json = flags;
  json.push_back("--json");
  const Finished run = cascadecl_run(train(world, whole, json, epochs));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json training = run.json()["training"];
  CHECK(training["settings"]["keep"] == "best");
  CHECK(training["settings"]["patience"] == 8);
  CHECK(training["settings"]["class_weights"].size() == 10);
  int kept = 0;
  for (const auto& epoch : training["history"]) kept += epoch.value("kept", false) ? 1 : 0;
  CHECK(kept == 2);
  CHECK(contains(run.err, "pretrain resnet-8: keeps the parameters of epoch"));
  CHECK(contains(run.err, "of 30: no better held-out accuracy for 8 epochs"));

  Process process(train(world, broken, flags, epochs));
  while (!contains(process.err_so_far(), "epoch 3:")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  process.signal(SIGINT);
  CHECK(process.wait().status == 1);
  std::vector<std::string> on = flags;
  on.push_back("--resume");
  REQUIRE(cascadecl_run(train(world, broken, on, epochs)).status == 0);
  CHECK(answers(world, broken) == answers(world, whole));

  const Finished balanced =
      cascadecl_run(train(world, broken, {"--class-weights", "balanced", "--phases", "pretrain", "--json"}, "1"));
  REQUIRE(balanced.status == 0);
  CHECK(balanced.json()["training"]["settings"]["class_weights"] == "balanced");
}

TEST_CASE("what cannot be trained on is refused before any training, by name") {
  const SmallWorld world;
  const auto refused = [&](const std::vector<std::string>& more, int status, const std::string& part) {
    std::vector<std::string> arguments = {"train", "--stages", "resnet-8,resnet-14", "-o", world.path("m.h5")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished run = cascadecl_run(arguments);
    CHECK_FALSE(contains(run.err, "epoch 1"));
    CHECK_FALSE(std::filesystem::exists(world.path("m.h5")));
    return error_fault(run, status, part);
  };
  for (const char* flag : {"--keep=best", "--patience=2"})
    CHECK(refused({"--data", world.data(), flag, "--validation-share", "0", "--phases", "pretrain"}, 2,
                  "validation share") == "");
  const std::string weights = world.path("weights.txt");
  CHECK(refused({"--data", world.data(), "--class-weights", weights}, 4, weights) == "");
  write_text(weights, "disc 1\nring one\n");
  CHECK(refused({"--data", world.data(), "--class-weights", weights}, 4,
                weights + ": line 2: weight 'one', expected a number above 0") == "");

  const std::string one = changed_data(world, [](DatasetHeader&, Labels& labels) { labels.assign(labels.size(), 0); });
  CHECK(refused({"--data", one}, 4, "its 40 images are all of class 'disc'") == "");
}

TEST_CASE("more classes than policies can have are refused before the training; a single stage takes them") {
  const SmallWorld world;
  const std::string many = changed_data(world, [](DatasetHeader& header, Labels&) {
    header.label_names.clear();
    for (int k = 0; k < 1025; ++k) header.label_names.push_back("k" + std::to_string(k));
  });
  const auto run = [&](const std::string& stages) {
    return cascadecl_run({"train", "--data", many, "--stages", stages, "-o", world.path("m.h5"), "--epochs", "1"});
  };
  const Finished cascade = run("resnet-8,resnet-14");
  CHECK(error_fault(cascade, 2, "it has 1025 classes, policies take 1024 at most") == "");
  REQUIRE(run("resnet-8").status == 0);
  CHECK(cascadecl_run({"eval", world.path("m.h5"), "--data", many, "--policy", "static"}).status == 0);
}

TEST_CASE("a dataset with its classes in another order gives the same results, and a note; other names are refused") {
  const SmallWorld world;
  const std::string model = world.path("m.h5"), told = "classes are matched by name";
  REQUIRE(cascadecl_run(train(world, model, {"--phases", "pretrain"}, "1")).status == 0);
  const std::string data = changed_data(world, [](DatasetHeader& header, Labels& labels) {
    std::swap(header.label_names[0], header.label_names[1]);
    for (std::int32_t& label : labels) label = label < 2 ? 1 - label : label;
  });
  const Finished own = cascadecl_run({"eval", model, "--data", world.data(), "--json"}),
                 reordered = cascadecl_run({"eval", model, "--data", data, "--json"});
  REQUIRE(reordered.status == 0);
  CHECK(contains(reordered.err, told));
  CHECK_FALSE(contains(own.err, told));
  CHECK(reordered.json()["top1"] == own.json()["top1"]);
  for (const std::vector<std::string>& from : {std::vector<std::string>{"--from", model}, {"--stages", model + "#0"}}) {
    std::vector<std::string> arguments = {"train",    "--data", data,       "-o",      world.path("n.h5"),
                                          "--epochs", "1",      "--phases", "pretrain"};
    arguments.insert(arguments.end(), from.begin(), from.end());
    const Finished run = cascadecl_run(arguments);
    CAPTURE(run.err);
    CHECK(run.status == 0);
    CHECK(contains(run.err, told));
  }
  CHECK(cascadecl_run({"calibrate", world.path("n.h5"), "--data", data, "-o", world.path("o.h5")}).status == 0);
  const std::string other = changed_data(world, [](DatasetHeader& header, Labels&) { header.label_names[3] = "wolf"; });
  const std::string refused = "class 3 is 'wolf', which is no class of the model";
  CHECK(error_fault(cascadecl_run({"eval", model, "--data", other}), 4, refused) == "");
  CHECK(error_fault(cascadecl_run({"predict", model, "--data", other, "-o", world.path("p.h5")}), 4, refused) == "");
  CHECK(error_fault(cascadecl_run({"train", "--from", model, "--data", other, "-o", world.path("n.h5")}), 4, refused) ==
        "");
}

TEST_CASE("--new-head fine-tunes a model to other classes, and tells batches and epochs for few images") {
  const SmallWorld world;
  const std::string data = changed_data(world, [](DatasetHeader& header, Labels& labels) {
    header.label_names = {"oak", "elm"};
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = i % 8 == 0 ? 1 : 0;
  });
  const auto train_on = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"train", "--data", data, "-o", world.path("n.h5"), "--json"});
    return cascadecl_run(flags);
  };
  CHECK(error_fault(train_on({"--from", world.model()}), 4, "has 2 classes, the model has 10") == "");
  CHECK(error_fault(train_on({"--stages", "resnet-8", "--new-head"}), 2, "--new-head: only with --from") == "");
  CHECK(error_fault(train_on({"--from", world.model(), "--new-head", "--phases", "policy"}), 2,
                    "--new-head: only with the phase pretrain") == "");
  CHECK(error_fault(train_on({"--from", world.model(), "--base-learning-rate-scale", "1"}), 2, "--new-head") == "");
  const Finished run = train_on({"--from", world.model(), "--new-head", "--epochs", "1", "--policy-epochs", "1"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(contains(run.err, "for 40 images: batches of 16 images (--batch-size)\n"));
  CHECK(contains(run.err, "'oak' has 35 images, 'elm' has 5; with --class-weights balanced"));
  CHECK(run.json()["training"]["settings"]["batch_size"] == 16);
  CHECK(read_model(world.path("n.h5")).label_names == std::vector<std::string>{"oak", "elm"});
  CHECK(cascadecl_run({"eval", world.path("n.h5"), "--data", data}).status == 0);
  const Finished given = train_on({"--from", world.model(), "--new-head", "--epochs", "1", "--phases", "pretrain",
                                   "--batch-size", "128", "--class-weights", "balanced"});
  CHECK(given.status == 0);
  CHECK_FALSE(contains(given.err, "for 40 images"));
  CHECK_FALSE(contains(given.err, "uneven"));
}

TEST_CASE("a checkpoint is not gone on from with other labels of the same images, nor a model calibrated on them") {
  const SmallWorld world;
  const std::string model = world.path("m.h5"), checkpoint = world.path("c.h5");
  REQUIRE(cascadecl_run(train(world, model, {"--phases", "pretrain", "--checkpoint", checkpoint}, "1")).status == 0);
  const std::string data = changed_data(world, [](DatasetHeader&, Labels& labels) { std::swap(labels[0], labels[1]); });
  std::vector<std::string> resume =
      train(world, model, {"--phases", "pretrain", "--checkpoint", checkpoint, "--resume"}, "1");
  resume[2] = data;
  CHECK(error_fault(cascadecl_run(resume), 2, "other settings: labels (") == "");
  CHECK(error_fault(cascadecl_run({"calibrate", model, "--data", data, "-o", world.path("n.h5")}), 2,
                    "other labels of the 40 images") == "");
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
        world, world.path("m.h5"), {"--teacher", teacher + part, "--teacher-weight", "0,0.5", "--quiet", "--json"}));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json settings = run.json()["training"]["settings"];
    CHECK(settings["teacher"] == teacher + part);
    CHECK(settings["teacher_temperature"] == 3);
    all.push_back(answers(world, world.path("m.h5"), "static:1"));  // the stage that was taught
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
  const Finished calibrated =
      cascadecl_run({"calibrate", world.path("m.h5"), "--data", world.data(), "-o", world.path("c.h5"), "--temperature",
                     "no", "--combination", "no", "--exit-functions", "no", "--target-mac", "1.2", "--policy",
                     "learned", "--test", "test", "--json"});
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

// A training that is told no price.
std::vector<std::string> for_everybody(const SmallWorld& world, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"train",
                                        "--data",
                                        world.data(),
                                        "--stages",
                                        "resnet-8,resnet-14",
                                        "-o",
                                        world.path("m.h5"),
                                        "--batch-size",
                                        "8",
                                        "--validation-share",
                                        "0.25",
                                        "--epochs",
                                        "1",
                                        "--policy-epochs",
                                        "2",
                                        "--json",
                                        "--quiet"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST_CASE("without a price train fits a frontier, chooses on it, and other commands move along it") {
  const SmallWorld world;
  const Finished run = cascadecl_run(for_everybody(world));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json points = run.json()["frontier"]["points"];
  REQUIRE(!points.empty());
  int chosen = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    chosen += points[i]["chosen"].get<bool>() ? 1 : 0;
    if (i == 0) continue;
    CHECK(points[i]["top1"].get<double>() > points[i - 1]["top1"].get<double>());
    CHECK(points[i]["mac_fraction"].get<double>() > points[i - 1]["mac_fraction"].get<double>());
  }
  CHECK(chosen == 1);

  const auto eval = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"eval", world.path("m.h5"), "--data", world.data(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return cascadecl_run(arguments);
  };
  const auto follows = [&](const std::vector<std::string>& more, const nlohmann::json& point) {
    const Finished finished = eval(more);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    CHECK(finished.json()["policy"]["name"] == point["policy"]);
    CHECK(finished.json()["policy"]["parameter"] == point["parameter"]);
  };
  for (const nlohmann::json& point : points)
    if (point["chosen"].get<bool>()) follows({}, point);
  follows({"--target-mac", "1e6"}, points.back());
  follows({"--target-mac", fmt::format("{}", points.front()["mac_fraction"].get<double>() + 1e-9)}, points.front());
  follows({"--target-ms", "1e9"}, points.back());
  follows({"--target-drop", "100"}, points.front());
  CHECK(error_fault(eval({"--target-mac", "0.001"}), 1, "nearest") == "");
  CHECK(error_fault(eval({"--target-mac", "1", "--policy", "margin:0.5"}), 2, "--policy") == "");
  CHECK(error_fault(eval({"--target-mac", "1", "--target-ms", "1"}), 2, "--target-ms") == "");

  REQUIRE(cascadecl_run(train(world, world.path("plain.h5"), {"--quiet"}, "0")).status == 0);
  CHECK(error_fault(cascadecl_run({"eval", world.path("plain.h5"), "--data", world.data(), "--target-mac", "1"}), 2,
                    "calibrate") == "");
}

TEST_CASE("a target chooses on the frontier that the training fits, and test images are told when asked for") {
  const SmallWorld world;
  const Finished run = cascadecl_run(for_everybody(world, {"--target-mac", "0.9", "--test", "test"}));
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json decision = run.json()["decision"];
  CHECK(decision["validation"]["cost"] <= 0.9);
  const Finished eval = cascadecl_run({"eval", world.path("m.h5"), "--data", world.data(), "--json"});
  REQUIRE(eval.status == 0);
  CHECK(eval.json()["policy"]["parameter"] == decision["parameter"]);
  CHECK(eval.json()["top1"].get<double>() == doctest::Approx(decision["test"]["top1"].get<double>()));
  const Finished small = cascadecl_run(for_everybody(world, {"--target-mac", "0.001"}));
  CHECK(error_fault(small, 1, "nearest") == "");
  CHECK(cascadecl_run({"eval", world.path("m.h5"), "--data", world.data()}).status == 0);
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
