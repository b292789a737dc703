#include <doctest/doctest.h>

#include <deque>

#include "tests/cli/failing_device.h"

// The second of two devices fails, or hangs, while it is opened, made ready for its stages or measured.
namespace cascadecl::testing {
namespace {

const std::vector<std::string> short_time = {"--device-timeout",
                                             "0.5"};  // and ten times as long for what builds kernels
const std::vector<std::string> short_time_go_on = {"--device-timeout", "0.5", "--on-device-failure", "continue"};

// The second device's calls before it does anything with images; `opening` of them open it.
std::vector<std::string> readiness_calls(const TwoDevices& world) {
  std::vector<std::string> calls = world.calls();
  calls.resize(first_of_running(calls) - 1);
  REQUIRE(calls.size() > 20);
  REQUIRE(calls[0] == "clCreateContext");
  REQUIRE(calls[1].starts_with("clCreateCommandQueue"));
  return calls;
}
constexpr std::size_t opening = 2;

void check_stopped(Outcome outcome, std::size_t at, const std::string& reason) {
  outcome.run.err = without_warnings(outcome.run.err);  // of programs that are built anew
  CHECK(error_fault(outcome.run, 1, at <= opening ? "device Second: opening" : "device Second") == "");
  CHECK(contains(outcome.run.err, reason));
  CHECK_FALSE(outcome.written);
}

void check_moved(const Outcome& outcome, const Outcome& expected, const std::string& reason) {
  CAPTURE(outcome.run.err);
  REQUIRE(outcome.run.status == 0);
  CHECK(outcome.exits == expected.exits);
  const nlohmann::json failures = outcome.run.json()["device_failures"];
  REQUIRE(failures.size() == 1);
  CHECK(failures[0]["device"] == "Second");
  CHECK(failures[0]["stages"] == nlohmann::json{1, 2});
  CHECK(failures[0]["moved_to"].is_string());
  CHECK(contains(failures[0]["reason"], reason));
}

TEST_CASE("a device that hangs while it is opened or made ready is given up in time, and others go on if so told") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::vector<std::string> calls = readiness_calls(world);
  const Outcome expected = world.predict("", {});
  // Fills the first device's cache with what it takes over.
  REQUIRE(world.predict("return=CL_OUT_OF_RESOURCES, sticky, at=3", {"--on-device-failure", "continue"}).run.status ==
          0);
  const std::vector<std::size_t> places = some_of_each(calls, 2);
  constexpr std::size_t at_once = 3;  // they wait most of the time
  for (std::size_t begin = 0; begin < places.size(); begin += at_once) {
    const std::vector<std::size_t> now(
        places.begin() + static_cast<std::ptrdiff_t>(begin),
        places.begin() + static_cast<std::ptrdiff_t>(std::min(begin + at_once, places.size())));
    std::deque<TwoDevices::Prediction> stopped, moved;
    for (const std::size_t at : now) {
      const std::string hang = "hang, at=" + std::to_string(at), name = std::to_string(at);
      stopped.emplace_back(world, hang, short_time, name + "s.h5");
      moved.emplace_back(world, hang, short_time_go_on, name + "m.h5");
    }
    for (std::size_t i = 0; i < now.size(); ++i) {
      CAPTURE(now[i]);
      CAPTURE(calls[now[i] - 1]);
      check_stopped(stopped[i].end(), now[i], "has not ended within 5 s");
      const Outcome outcome = moved[i].end();
      if (now[i] <= opening) {
        check_stopped(outcome, now[i], "has not ended within 5 s");
      } else {
        check_moved(outcome, expected, "has not ended within 5 s");
      }
    }
  }
}

TEST_CASE("a device whose calls fail while it is made ready ends the run with its name, or others go on if so told") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const std::vector<std::string> calls = readiness_calls(world);
  const Outcome expected = world.predict("", {});
  for (const std::size_t at : some_of_each(calls, 3)) {
    CAPTURE(at);
    CAPTURE(calls[at - 1]);
    const std::string fault = "return=CL_OUT_OF_RESOURCES, sticky, at=" + std::to_string(at);
    check_stopped(world.predict(fault, {}), at, "CL_OUT_OF_RESOURCES");
    const Outcome outcome = world.predict(fault, {"--on-device-failure", "continue"});
    if (at <= opening) {
      check_stopped(outcome, at, "CL_OUT_OF_RESOURCES");
    } else {
      check_moved(outcome, expected, "CL_OUT_OF_RESOURCES");
    }
  }
}

TEST_CASE("a device that hangs while a placement is measured ends the program in time") {
  if (!there_are_two()) return;
  const TwoDevices world;
  const auto explain = [&](const std::string& objective, const std::string& devices, const std::string& faults) {
    return cascadecl_run({"placement", "explain", world.model(), "--data", world.data(), "--objective", objective,
                          "--batch-size", "4", "--device", devices, "--device-timeout", "0.5", "--json"},
                         TwoDevices::environment(faults));
  };
  world.calls();  // fills the caches
  for (const std::string objective : {"latency", "throughput"}) {
    const std::string log = world.path("calls");
    REQUIRE(explain(objective, "cpu:0,cpu:1", "log=" + log).status == 0);
    const std::size_t count = logged_calls(log).size();
    const std::size_t step = every_call() ? 1 : count / 3;
    for (std::size_t at = 1; at <= count; at += step) {
      CAPTURE(at);
      Finished run = explain(objective, "cpu:0,cpu:1", "hang, at=" + std::to_string(at) + ", log=" + log);
      if (logged_calls(log).size() < at) continue;  // how many calls it makes is up to the threads
      run.err = without_warnings(run.err);
      CHECK(error_fault(run, 1, "device Second: ") == "");
      CHECK(contains(run.err, "has not ended within "));
    }
  }
  const Finished without = explain("latency", "auto", "hang, at=1");
  CAPTURE(without.err);
  REQUIRE(without.status == 0);
  CHECK(contains(without.err, "left out of the placement: device Second: opening has not ended within 5 s"));
  CHECK(without.json()["devices"].size() == 1);
}

}  // namespace
}  // namespace cascadecl::testing
