#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "data/hdf5_file.h"
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

}  // namespace
}  // namespace cascadecl::testing
