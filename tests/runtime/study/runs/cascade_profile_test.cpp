#include "runtime/study/runs/cascade_profile.h"

#include <doctest/doctest.h>

#include <random>

#include "runtime/network/zoo.h"
#include "runtime/ops/image_shape.h"
#include "tests/support/device_test.h"
#include "tests/support/fake_machine.h"
#include "tests/support/fake_sys.h"
#include "tests/support/random_model.h"

namespace cascadecl {
namespace {

using testing::test_device;

constexpr ImageShape shape{3, 8, 8};
constexpr int classes = 7, images = 24;

// A cascade of three stages on random images, its runs metered by a machine whose time the test moves on: each reading
// of the clock takes 1 ms at 20 W.
struct World {
  Model model = random_model({make_network("resnet-8", shape, classes), make_network("wrn-10-2", shape, classes),
                              make_network("resnet-14", shape, classes)},
                             11);
  FakeSys sys;
  FakeMachine machine;
  MeterDiscovery meters{.meters = {}, .attempts = {}, .complete = true};
  CascadeProfileSettings settings;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;

  World() {
    std::mt19937 engine(5);
    pixels.resize(static_cast<std::size_t>(images) * 3 * 8 * 8);
    for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(engine() >> 24);
    for (int i = 0; i < images; ++i) labels.push_back(static_cast<std::int32_t>(engine() % classes));
    settings.executor.max_batch = 8;
    settings.environment = sys.environment();
    settings.measure.repeats = 3;
    settings.measure.window_s = 0;
    settings.measure.periods_per_window = 1;
    settings.measure.clock = [this] {
      machine.advance(0.001, 20);
      return machine.time_s();
    };
    settings.measure.wait_s = [this](double s) { machine.advance(s, 5); };
  }

  void add_meter() {
    meters.meters.push_back(std::make_unique<FakeMeter>(
        machine, std::vector{EnergyDomain{"powercap", "package-0", "zone0"}}, std::vector<double>{1.0}));
  }

  CascadeProfile profile() {
    return profile_cascade(model, std::vector<Device>(model.stages.size(), test_device()), pixels, labels, meters,
                           settings);
  }
};

const ProfiledWorkload& named(const CascadeProfile& profile, const std::string& name) {
  for (const ProfiledWorkload& workload : profile.workloads)
    if (workload.name == name) return workload;
  FAIL("no workload " << name);
  return profile.workloads.front();
}

}  // namespace

TEST_CASE("profile_cascade measures the cascade, each stage on its real survivors and alone, and no policies") {
  World world;
  const CascadeProfile profile = world.profile();
  CHECK(profile.images == images);
  REQUIRE(profile.stages.size() == 3);
  CHECK(profile.cascade().name == "cascade");
  CHECK(named(profile, "without policies").mmac_per_image < profile.mmac_per_image);
  for (std::size_t k = 0; k < 3; ++k) {
    const ProfiledStage& stage = profile.stages[k];
    CHECK(profile.workloads[stage.alone].name == "alone " + std::to_string(k));
    CHECK(profile.workloads[stage.alone].images == images);
    CHECK(stage.measured.has_value() == (stage.entered > 0));
    if (stage.measured) CHECK(profile.workloads[*stage.measured].images == stage.entered);
    CHECK(stage.ms.values.size() >= 3);
  }
  CHECK(profile.stages[0].entered == images);
  CHECK(profile.workloads[profile.largest].stage == 1);  // twice as wide
}

TEST_CASE("profile_cascade's accuracies are those of the executors on the same images") {
  World world;
  const CascadeProfile profile = world.profile();
  ExecutorSettings settings = world.settings.executor;
  CascadeExecutor executor(world.model, std::vector<Device>(3, test_device()), settings);
  const CascadeResult result = executor.classify(world.pixels);
  int right = 0;
  for (int i = 0; i < images; ++i) right += result.label(i) == world.labels[static_cast<std::size_t>(i)];
  CHECK(profile.top1 == doctest::Approx(right / static_cast<double>(images)));
  for (std::size_t k = 0; k < 3; ++k) CHECK(profile.stages[k].entered == result.stages[k].entered);
}

TEST_CASE("profile_cascade splits the cost of an image into stages, policies and a residual") {
  World world;
  world.add_meter();
  const CascadeProfile profile = world.profile();
  for (const auto* costs : {&profile.ms, &profile.mj, &profile.marginal_mj}) {
    REQUIRE(costs->has_value());
    CHECK((*costs)->stages + (*costs)->policies.mean + (*costs)->residual.mean == doctest::Approx((*costs)->whole));
  }
  // Every run costs a reading of the clock more or less alike: 20 W times its time.
  const ProfiledWorkload& whole = profile.cascade();
  CHECK(whole.figures.total_mj_per_image->mean() ==
        doctest::Approx(20 * whole.figures.ms_per_image.mean()).epsilon(0.5));
  CHECK(*profile.idle.before_w == doctest::Approx(5));
  CHECK(profile.sampling_share.has_value());
}

TEST_CASE("profile_cascade predicts from MACs against the largest stage alone") {
  World world;
  world.add_meter();
  const CascadeProfile profile = world.profile();
  const ProfiledWorkload& largest = profile.workloads[profile.largest];
  CHECK(profile.predicted_saving(largest) == 0);
  CHECK(profile.saving_ms(largest) == 0);
  CHECK(*profile.saving_mj(largest) == 0);
  const ProfiledWorkload first = named(profile, "alone 0");
  const double share = first.mmac_per_image / largest.mmac_per_image;
  CHECK(profile.predicted_ms(first) == doctest::Approx(share * largest.figures.ms_per_image.mean()));
  CHECK(*profile.predicted_mj(first) == doctest::Approx(share * largest.figures.total_mj_per_image->mean()));
  CHECK(profile.mac_fraction == doctest::Approx(profile.mmac_per_image / largest.mmac_per_image));
}

TEST_CASE("profile_cascade without a meter gives times, no energy and the reasons") {
  World world;
  world.meters = discover_meters(world.sys.environment());
  const CascadeProfile profile = world.profile();
  CHECK(profile.cascade().figures.ms_per_image.values.size() == 3);
  CHECK_FALSE(profile.cascade().figures.total_mj_per_image);
  CHECK_FALSE(profile.mj);
  CHECK_FALSE(profile.saving_mj(profile.cascade()));
  CHECK_FALSE(profile.sampling_share);
  CHECK(profile.attempts.size() >= 4);
}

TEST_CASE("profile_cascade of a single stage has no policies to take apart") {
  World world;
  world.model.stages.erase(world.model.stages.begin() + 1, world.model.stages.end());
  world.model.policies.clear();
  const CascadeProfile profile = world.profile();
  CHECK(profile.workloads.size() == 2);
  CHECK_FALSE(profile.ms);
  CHECK(profile.stages[0].measured == profile.stages[0].alone);
}

TEST_CASE("profile_windows tells how many windows a profile takes at most") {
  World world;
  const CascadeProfile profile = world.profile();
  CHECK(profile.workloads.size() <= static_cast<std::size_t>(profile_windows(3, 1)));
  CHECK(profile_windows(1, 10) == 20);
}

}  // namespace cascadecl
