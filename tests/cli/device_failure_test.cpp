#include <doctest/doctest.h>

#include "tests/cli/failing_device.h"

// One of two devices fails in the middle of a cascade.
namespace cascadecl::testing {
namespace {

// Where stages have run before.
std::size_t middle_of_running(const std::vector<std::string>& calls) {
  return (first_of_running(calls) + calls.size()) / 2;
}

std::size_t stride() { return every_call() ? 1 : 7; }

TEST_CASE("a device whose calls fail ends the run with its name, or its stages go on elsewhere and nothing is lost") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string log = world.path("faulty_calls");
  const Outcome expected = world.predict("", {});
  REQUIRE(expected.run.status == 0);
  CHECK(expected.run.json()["device_failures"].empty());
  const std::vector<std::string> calls = world.calls();
  const std::size_t first = first_of_running(calls);
  REQUIRE(first < calls.size());
  std::size_t went_on = 0;
  for (std::size_t at = first; at <= calls.size(); at += stride()) {
    CAPTURE(at);
    CAPTURE(calls[at - 1]);
    const std::string fault = "return=CL_OUT_OF_RESOURCES, sticky, at=" + std::to_string(at) + ", log=" + log;
    const Outcome stopped = world.predict(fault, {});
    if (logged_calls(log).size() < at) {  // how full batches are is up to the threads: this run made fewer calls
      CHECK(stopped.run.status == 0);
    } else {
      CHECK(error_fault(stopped.run, 1, "device Second") == "");
      CHECK_FALSE(stopped.written);
    }

    const Outcome moved = world.predict(fault, {"--on-device-failure", "continue"});
    CAPTURE(moved.run.err);
    REQUIRE(moved.run.status == 0);
    CHECK(moved.exits == expected.exits);
    for (std::size_t i = 0; i < moved.answers.size(); ++i)
      CHECK(moved.answers[i] == doctest::Approx(expected.answers[i]).epsilon(1e-4));
    const nlohmann::json failures = moved.run.json()["device_failures"];
    if (logged_calls(log).size() < at) {
      CHECK(failures.empty());
      continue;
    }
    REQUIRE(failures.size() == 1);
    CHECK(failures[0]["device"] == "Second");
    CHECK(failures[0]["stages"] == nlohmann::json{1, 2});
    CHECK(failures[0]["moved_to"].is_string());
    ++went_on;
  }
  CHECK(went_on > 0);
}

TEST_CASE("a device that gives no numbers is told from one that works") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string fault = "nan, calls=read, at=1";
  const Outcome stopped = world.predict(fault, {});
  CHECK(error_fault(stopped.run, 1, "no probabilities") == "");
  CHECK_FALSE(stopped.written);
  const Outcome expected = world.predict("", {});
  const Outcome moved = world.predict(fault, {"--on-device-failure", "continue"});
  REQUIRE(moved.run.status == 0);
  CHECK(moved.exits == expected.exits);
  CHECK(moved.run.json()["device_failures"].size() == 1);
}

TEST_CASE("a device that hangs is given up, and the program ends") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string fault = "hang, at=" + std::to_string(middle_of_running(world.calls()));
  const Outcome stopped = world.predict(fault, {"--device-timeout", "2"});
  CHECK(error_fault(stopped.run, 1, "has not ended within") == "");
  CHECK_FALSE(stopped.written);
  const Outcome expected = world.predict("", {});
  const Outcome moved = world.predict(fault, {"--device-timeout", "2", "--on-device-failure", "continue"});
  CAPTURE(moved.run.err);
  REQUIRE(moved.run.status == 0);
  CHECK(moved.exits == expected.exits);
  CHECK(moved.run.json()["device_failures"].size() == 1);
}

TEST_CASE("a device that hangs while it is warmed up is given up, and the program ends") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string log = world.path("calls");
  const auto eval = [&](const std::string& faults, const std::string& seconds) {
    return cascadecl_run({"eval", world.model(), "--data", world.data(), "--device", "cpu:0,cpu:1,cpu:1",
                          "--device-timeout", seconds, "--json"},
                         TwoDevices::environment(faults));
  };
  REQUIRE(eval("log=" + log, "300").status == 0);  // fills the caches
  REQUIRE(eval("log=" + log, "300").status == 0);
  const std::string hang = "hang, at=" + std::to_string(first_of_running(logged_calls(log)));
  CHECK(error_fault(eval(hang, "1"), 1, "device Second: warming up has not ended within 10 s") == "");
}

TEST_CASE("a program that has given a device up does not take OpenCL down under the thread that waits for it") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string ended = world.path("ended");
  CHECK(world.predict("ended=" + ended, {}).run.status == 0);
  CHECK(std::filesystem::remove(ended));
  const std::string hang = "hang, at=" + std::to_string(middle_of_running(world.calls())) + ", ended=" + ended;
  const Outcome stopped = world.predict(hang, {"--device-timeout", "2"});
  CHECK(error_fault(stopped.run, 1, "has not ended within") == "");
  CHECK_FALSE(std::filesystem::exists(ended));
  const Outcome moved = world.predict(hang, {"--device-timeout", "2", "--on-device-failure", "continue"});
  REQUIRE(moved.run.status == 0);
  CHECK(moved.run.json()["images"] == TwoDevices::images);
  CHECK_FALSE(std::filesystem::exists(ended));
}

TEST_CASE("controls go on where the stages of a device that fails go, and results name the device that ran them") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::string log = world.path("calls");
  const auto eval = [&](const std::string& faults) {
    return cascadecl_run({"eval", world.model(), "--data", world.data(), "--policy", "sample", "--batch-size", "4",
                          "--device", "cpu:0,cpu:1,cpu:1", "--matrix", "--on-device-failure", "continue", "--json"},
                         TwoDevices::environment("log=" + log + faults));
  };
  const Finished whole = eval("");
  CAPTURE(whole.err);
  REQUIRE(whole.status == 0);
  CHECK(whole.json()["stages"][1]["device"] == "Second");
  CHECK(whole.json()["static"][2]["device"] == "Second");
  const nlohmann::json first_device = whole.json()["stages"][0]["device"];
  const std::vector<std::string> calls = logged_calls(log);
  const std::size_t first = first_of_running(calls);
  REQUIRE(first < calls.size());
  int in_controls = 0;
  const std::size_t step = every_call() ? 1 : (calls.size() - first) / 12 + 1;
  for (std::size_t at = first; at <= calls.size(); at += step) {
    CAPTURE(at);
    const Finished run = eval(", return=CL_OUT_OF_RESOURCES, sticky, at=" + std::to_string(at));
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    const nlohmann::json json = run.json();
    CHECK(json["top1"] == whole.json()["top1"]);
    CHECK(json["accuracy_matrix"] == whole.json()["accuracy_matrix"]);
    if (logged_calls(log).size() < at) {  // how full batches are is up to the threads: this run made fewer calls
      CHECK(json["device_failures"].empty());
      continue;
    }
    REQUIRE(json["device_failures"].size() == 1);
    CHECK(json["device_failures"][0]["device"] == "Second");
    CHECK(json["device_failures"][0]["moved_to"] == first_device);
    for (const auto& stage : json["stages"]) CHECK(stage["device"] == first_device);
    in_controls += contains(json["device_failures"][0]["reason"], "alone, as control");
  }
  CHECK(in_controls > 0);
}

}  // namespace
}  // namespace cascadecl::testing
