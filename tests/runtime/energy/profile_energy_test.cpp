#include "runtime/energy/profile_energy.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "tests/support/fake_machine.h"
#include "tests/support/fake_sys.h"

using namespace cascadecl;

namespace {

// 10 W when idle; a run of 4 images takes 10 ms at busy_w.
struct Bench {
  FakeMachine machine;
  MeterDiscovery discovery{.meters = {}, .attempts = {}, .complete = true};
  MeasureOptions options;
  double busy_w = 50;
  int runs = 0;

  Bench() {
    options.clock = [this] { return machine.time_s(); };
    options.wait_s = [this](double s) { machine.advance(s, 10); };
  }

  FakeMeter& add_meter(std::vector<EnergyDomain> domains, std::vector<double> shares) {
    auto meter = std::make_unique<FakeMeter>(machine, std::move(domains), std::move(shares));
    FakeMeter& result = *meter;
    discovery.meters.push_back(std::move(meter));
    return result;
  }

  EnergyProfile profile() {
    return profile_energy(
        discovery,
        [this] {
          ++runs;
          machine.advance(0.01, busy_w);
        },
        4, options);
  }
};

const EnergyDomain package{"powercap", "package-0", "zone0", DomainKind::package, true};
const EnergyDomain second_package{"powercap", "package-1", "zone1", DomainKind::package, true};
const EnergyDomain platform{"powercap", "psys", "zone2", DomainKind::platform, false};

}  // namespace

TEST_CASE("profile_energy gives total and marginal energy per image") {
  Bench bench;
  bench.add_meter({package}, {1.0});
  const EnergyProfile profile = bench.profile();
  CHECK(*profile.total_mj_per_image == doctest::Approx(125));     // 50 W * 10 ms / 4
  CHECK(*profile.marginal_mj_per_image == doctest::Approx(100));  // (50 - 10) W * 10 ms / 4
  CHECK(*profile.spread_mj_per_image == doctest::Approx(0).epsilon(1e-6));
  CHECK(*profile.idle_before_w == doctest::Approx(10));
  CHECK(*profile.idle_after_w == doctest::Approx(10));
  CHECK(profile.window_s >= 10 * bench.options.window_s);
  CHECK(profile.images == 4 * (bench.runs - bench.options.warmup_runs));
  CHECK(profile.attempts.empty());
}

TEST_CASE("profile_energy adds up counted domains and reports the others beside them") {
  Bench bench;
  bench.add_meter({package, platform}, {0.25, 1.0});
  bench.add_meter({second_package}, {0.5});
  const EnergyProfile profile = bench.profile();
  CHECK(*profile.total_mj_per_image == doctest::Approx(0.75 * 125));
  CHECK(*profile.marginal_mj_per_image == doctest::Approx(0.75 * 100));
  REQUIRE(profile.domains.size() == 3);
  CHECK(profile.domains[1].domain.name == "psys");
  CHECK(*profile.domains[1].total_mj_per_image == doctest::Approx(125));
  CHECK(*profile.domains[1].busy_w == doctest::Approx(50));
  CHECK(*profile.domains[1].idle_w == doctest::Approx(10));
}

TEST_CASE("profile_energy shows the spread of its windows") {
  Bench bench;
  bench.add_meter({package}, {1.0});
  bench.options.repeats = 2;
  bench.options.warmup_runs = 0;
  bench.options.window_s = 0.01;  // one run a window,
  bench.options.periods_per_window = 0;
  const auto run = [&] { bench.machine.advance(0.01, ++bench.runs == 1 ? 40 : 60); };
  const EnergyProfile profile = profile_energy(bench.discovery, run, 1, bench.options);
  CHECK(*profile.total_mj_per_image == doctest::Approx(500));
  CHECK(*profile.spread_mj_per_image == doctest::Approx(200));
}

TEST_CASE("profile_energy measures at least so long as the slowest meter needs") {
  Bench bench;
  bench.add_meter({package}, {1.0}).update_period = 0.1;
  bench.options.repeats = 1;
  CHECK(bench.profile().window_s >= 10);  // 100 periods
}

TEST_CASE("profile_energy without a counter is empty, keeps the reasons and spares the work") {
  const FakeSys sys;
  Bench bench;
  bench.discovery = discover_meters(sys.environment());
  const EnergyProfile profile = bench.profile();
  CHECK(bench.runs == 0);
  CHECK_FALSE(profile.total_mj_per_image);
  CHECK_FALSE(profile.marginal_mj_per_image);
  CHECK_FALSE(profile.idle_before_w);
  CHECK(profile.attempts.size() == bench.discovery.attempts.size());
}

TEST_CASE("profile_energy gives no total when a device that works has no meter") {
  Bench bench;
  bench.add_meter({package}, {1.0});
  bench.discovery.complete = false;
  bench.discovery.attempts.push_back({"nvml", "0000:65:00.0", "GPU not opened", ""});
  const EnergyProfile profile = bench.profile();
  CHECK_FALSE(profile.total_mj_per_image);
  CHECK_FALSE(profile.marginal_mj_per_image);
  CHECK(*profile.domains.at(0).total_mj_per_image == doctest::Approx(125));
  CHECK(profile.attempts.size() == 1);
}

TEST_CASE("profile_energy takes a counter that stands still for unknown, not for 0") {
  Bench bench;
  bench.add_meter({package, second_package}, {1.0, 0.0});
  const EnergyProfile profile = bench.profile();
  CHECK_FALSE(profile.total_mj_per_image);
  CHECK_FALSE(profile.domains.at(1).total_mj_per_image);
  REQUIRE(profile.attempts.size() == 1);
  CHECK(profile.attempts[0].path == "zone1");
  CHECK(profile.attempts[0].reason == "the counter did not advance while the work ran");
}

TEST_CASE("profile_energy gives no marginal energy when idle power is as high as that of the work") {
  Bench bench;
  bench.add_meter({package}, {1.0});
  bench.busy_w = 9;
  const EnergyProfile profile = bench.profile();
  CHECK(*profile.total_mj_per_image == doctest::Approx(22.5));
  CHECK_FALSE(profile.marginal_mj_per_image);
  REQUIRE(profile.attempts.size() == 1);
  CHECK(profile.attempts[0].reason.find("10.00 W before") != std::string::npos);
}

TEST_CASE("profile_energy turns a meter that fails midway into an attempt") {
  Bench bench;
  FakeMeter& meter = bench.add_meter({package}, {1.0});
  meter.on_read = [&] {
    if (bench.runs > 100) throw MeterReadError({"fake", "zone0", "Permission denied", "chmod"});
  };
  const EnergyProfile profile = bench.profile();
  CHECK_FALSE(profile.total_mj_per_image);
  CHECK(profile.domains.empty());
  REQUIRE(profile.attempts.size() == 1);
  CHECK(profile.attempts[0].remedy == "chmod");
}

TEST_CASE("profile_energy hands on what the work throws") {
  Bench bench;
  bench.add_meter({package}, {1.0});
  const auto fail = [] { throw std::runtime_error("device lost"); };
  CHECK_THROWS_WITH_AS(profile_energy(bench.discovery, fail, 1, bench.options), "device lost", std::runtime_error);
}

TEST_CASE("profile_energy refuses zero images and empty windows") {
  Bench bench;
  CHECK_THROWS_AS(profile_energy(
                      bench.discovery, [] {}, 0, bench.options),
                  UsageError);
  bench.options.window_s = 0;
  CHECK_THROWS_AS(profile_energy(
                      bench.discovery, [] {}, 1, bench.options),
                  UsageError);
}
