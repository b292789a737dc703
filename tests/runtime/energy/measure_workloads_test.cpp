#include "runtime/energy/measure_workloads.h"

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

#include "runtime/energy/rapl.h"
#include "runtime/energy/workload_figures.h"
#include "tests/support/fake_machine.h"
#include "tests/support/fake_sys.h"

using namespace cascadecl;

namespace {

const EnergyDomain package{"powercap", "package-0", "zone0"};

// Two workloads of 10 images on a machine of 10 W when idle: "large" takes 10 ms at 50 W, "small" 5 ms at 30 W.
struct Bench {
  FakeMachine machine;
  MeterList meters;
  MeasureOptions options;
  std::vector<std::string> runs;
  std::vector<Workload> workloads;

  Bench() {
    options.clock = [this] { return machine.time_s(); };
    options.wait_s = [this](double s) { machine.advance(s, 10); };
    workloads = {{"large", [this] { run("large", 0.01, 50); }, 10}, {"small", [this] { run("small", 0.005, 30); }, 10}};
  }

  void run(const std::string& name, double seconds, double watts) {
    runs.push_back(name);
    machine.advance(seconds, watts);
  }

  FakeMeter& add_meter() {
    auto meter = std::make_unique<FakeMeter>(machine, std::vector{package}, std::vector<double>{1.0});
    FakeMeter& result = *meter;
    meters.push_back(std::move(meter));
    return result;
  }

  Measurement measure() { return measure_workloads(meters, workloads, options); }
};

}  // namespace

TEST_CASE("measure_workloads gives back the joules put in, of each workload for itself") {
  Bench bench;
  bench.add_meter();
  const Measurement measurement = bench.measure();
  const WorkloadFigures large = workload_figures(measurement, 0, true), small = workload_figures(measurement, 1, true);
  CHECK(large.ms_per_image.mean() == doctest::Approx(1));
  CHECK(large.total_mj_per_image->mean() == doctest::Approx(50));
  CHECK(large.marginal_mj_per_image->mean() == doctest::Approx(40));
  CHECK(*large.busy_w == doctest::Approx(50));
  CHECK(small.ms_per_image.mean() == doctest::Approx(0.5));
  CHECK(small.total_mj_per_image->mean() == doctest::Approx(15));
  CHECK(small.marginal_mj_per_image->mean() == doctest::Approx(10));
  CHECK(large.total_mj_per_image->values.size() == 10);
  CHECK(*large.total_ci95 == doctest::Approx(0).epsilon(1e-6));
  CHECK(*idle_power(measurement, true).before_w == doctest::Approx(10));
}

TEST_CASE("measure_workloads runs a window of each in every round, in an order drawn from the seed") {
  Bench bench;
  bench.options.window_s = 0;
  bench.options.repeats = 40;
  const Measurement measurement = bench.measure();
  CHECK(measurement.workloads[0].windows.size() == 40);
  CHECK(measurement.workloads[1].windows.size() == 40);
  std::set<std::string> first_of_round;
  for (std::size_t i = 2; i < bench.runs.size(); i += 2) {  // after the warm-up
    CHECK(bench.runs[i] != bench.runs[i + 1]);
    first_of_round.insert(bench.runs[i]);
  }
  CHECK(first_of_round.size() == 2);

  Bench again;
  again.options = bench.options;
  again.options.clock = [&] { return again.machine.time_s(); };
  again.measure();
  CHECK(again.runs == bench.runs);
}

TEST_CASE("windows are long enough that a counter renewed every 100 ms is right within 1 %") {
  Bench bench;
  FakeMeter& meter = bench.add_meter();
  meter.update_period = meter.step_s = 0.1;
  const Measurement measurement = bench.measure();
  CHECK(measurement.workloads[0].windows[0].seconds >= 10);
  CHECK(measurement.idle_before.domains[0].window_s >= 10);
  const WorkloadFigures figures = workload_figures(measurement, 0, true);
  for (const double value : figures.total_mj_per_image->values) CHECK(value == doctest::Approx(50).epsilon(0.01));
}

TEST_CASE("measure_workloads shows outliers and keeps them") {
  Bench bench;
  bench.add_meter();
  bench.options.periods_per_window = 0;
  bench.options.window_s = 0;
  int calls = 0;
  bench.workloads = {{"odd", [&] { bench.machine.advance(0.01, ++calls == 5 ? 500 : 50 + 0.1 * calls); }, 1}};
  const WorkloadFigures figures = workload_figures(bench.measure(), 0, true);
  CHECK(figures.total_mj_per_image->outliers() == std::vector<std::size_t>{3});  // the first call is the warm-up
  CHECK(figures.total_mj_per_image->mean() > 900);
}

TEST_CASE("a drift of idle power widens the interval of the marginal energy") {
  Bench bench;
  bench.add_meter();
  int idles = 0;
  bench.options.wait_s = [&](double s) { bench.machine.advance(s, ++idles <= 2 ? 10 : 14); };
  const WorkloadFigures figures = workload_figures(bench.measure(), 0, true);
  CHECK(figures.marginal_mj_per_image->mean() == doctest::Approx(38));  // 50 - 12 W, 1 ms
  CHECK(*figures.marginal_ci95 == doctest::Approx(2).epsilon(1e-3));    // half of 4 W, 1 ms
  CHECK(*figures.total_ci95 == doctest::Approx(0).epsilon(1e-6));
}

TEST_CASE("without meters times are measured, without idling") {
  Bench bench;
  bench.options.window_s = 0;
  bench.options.wait_s = [](double) { FAIL("idled"); };
  const Measurement measurement = bench.measure();
  const WorkloadFigures figures = workload_figures(measurement, 0, true);
  CHECK(figures.ms_per_image.mean() == doctest::Approx(1));
  CHECK_FALSE(figures.total_mj_per_image);
  CHECK(figures.domains.empty());
}

TEST_CASE("a meter that fails midway leaves the times, no energy and the reason") {
  Bench bench;
  FakeMeter& meter = bench.add_meter();
  meter.on_read = [&] {
    if (bench.runs.size() > 500) throw MeterReadError({"powercap", "zone0", "Permission denied", "chmod"});
  };
  const Measurement measurement = bench.measure();
  for (std::size_t i : {0, 1}) {
    CHECK(measurement.workloads[i].windows.size() == 10);
    const WorkloadFigures figures = workload_figures(measurement, i, true);
    CHECK(figures.ms_per_image.values.size() == 10);
    CHECK_FALSE(figures.total_mj_per_image);
  }
  CHECK_FALSE(idle_power(measurement, true).before_w);
  REQUIRE(measurement.attempts.size() == 1);
  CHECK(measurement.attempts[0].remedy == "chmod");
}

TEST_CASE("a counter that stands still gives no total but a reason") {
  Bench bench;
  auto meter = std::make_unique<FakeMeter>(bench.machine, std::vector{package}, std::vector<double>{0.0});
  bench.meters.push_back(std::move(meter));
  const Measurement measurement = bench.measure();
  CHECK_FALSE(workload_figures(measurement, 0, true).total_mj_per_image);
  REQUIRE(stood_still(measurement).size() == 1);
  CHECK(stood_still(measurement)[0].path == "zone0");
}

TEST_CASE("the powercap meter on a fake tree gives back the joules put in, across the wraps of its counter") {
  Bench bench;
  FakeSys sys;
  const std::uint64_t range = 300'000'000;  // 300 J, which 50 W need 6 s for
  sys.add_zone("intel-rapl:0", "package-0", 0, range);
  const auto follow = [&] {
    sys.set_energy("intel-rapl:0", static_cast<std::uint64_t>(bench.machine.energy_j() * 1e6) % (range + 1));
    sys.set_time(bench.machine.time_s());
  };
  bench.options.wait_s = [&](double s) {
    bench.machine.advance(s, 10);
    follow();
  };
  // A window is one run of 60 ms, below the 75 ms after which the meter may have missed a wrap.
  bench.options.window_s = 0;
  bench.options.periods_per_window = 0;
  bench.options.idle_s = bench.options.settle_s = 0.05;
  bench.options.repeats = 200;
  bench.workloads = {{"work",
                      [&] {
                        bench.machine.advance(0.06, 50);
                        follow();
                      },
                      3}};
  std::vector<MeterAttempt> attempts;
  bench.meters.push_back(open_rapl(sys.environment(), attempts));
  REQUIRE(bench.meters[0]);
  const Measurement measurement = bench.measure();
  CHECK(measurement.attempts.empty());
  const WorkloadFigures figures = workload_figures(measurement, 0, true);
  REQUIRE(figures.total_mj_per_image);
  CHECK(bench.machine.energy_j() > 2 * 300);
  for (const double value : figures.total_mj_per_image->values) CHECK(value == doctest::Approx(1000).epsilon(1e-5));
  CHECK(figures.marginal_mj_per_image->mean() == doctest::Approx(800).epsilon(1e-4));
}

TEST_CASE("measure_workloads tells its progress and when the machine is warm") {
  Bench bench;
  std::vector<int> done;
  bool warm = false;
  bench.options.repeats = 2;
  bench.options.progress = [&](int windows) {
    CHECK_FALSE(warm);
    done.push_back(windows);
  };
  bench.options.warm = [&] { warm = true; };
  bench.measure();
  CHECK(warm);
  CHECK(done == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("measure_workloads refuses nothing to measure and hands on what a run throws") {
  Bench bench;
  bench.workloads[1].images = 0;
  CHECK_THROWS_WITH_AS(bench.measure(), doctest::Contains("small has 0 images"), UsageError);
  bench.workloads.clear();
  CHECK_THROWS_AS(bench.measure(), UsageError);
  bench.workloads = {{"fails", [] { throw std::runtime_error("device lost"); }, 1}};
  CHECK_THROWS_WITH_AS(bench.measure(), "device lost", std::runtime_error);
  bench.options.repeats = 0;
  CHECK_THROWS_AS(bench.measure(), UsageError);
}
