#include <doctest/doctest.h>

#include <cmath>

#include "data/dataset_file.h"
#include "data/files/hdf5_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

// A predictions file as share/doc/predictions.md describes it.
struct Predictions {
  explicit Predictions(const std::string& path, std::int64_t images) {
    const Hdf5Reader file(path);
    probabilities = file.read<float>("/probabilities", {2, images, 10});
    stop = file.read<float>("/stop_probability", {2, images});
    exit = file.read<std::int32_t>("/exit_stage", {images});
    answer = file.read<float>("/answer", {images, 10});
    rule = file.string_attribute("/", "stop");
  }
  std::vector<float> probabilities, stop, answer;
  std::vector<std::int32_t> exit;
  std::string rule;
};

TEST_CASE("predict writes probabilities, exits and answers that belong together") {
  const SmallWorld world;
  const std::string output = world.path("o.h5");
  // At 0.5 all images of this model leave at one stage; the test needs both exits.
  const Finished run = cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", output, "--policy",
                                      "sample", "--batch-size", "8", "--json"});
  REQUIRE(run.status == 0);
  CHECK(run.json()["images"] == 30);
  const Predictions file(output, 30);
  CHECK(file.rule == "sample");
  int first_exits = 0;
  for (std::size_t n = 0; n < 30; ++n) {
    first_exits += file.exit[n] == 0;
    CHECK(std::isnan(file.stop[30 + n]) == (file.exit[n] == 0));
    double weights = file.stop[n], total = 0;
    if (file.exit[n] == 1) {
      CHECK(file.stop[30 + n] == 1);
      weights += 1;
    }
    for (std::size_t j = 0; j < 10; ++j) {
      const float first = file.probabilities[n * 10 + j], second = file.probabilities[(30 + n) * 10 + j];
      CHECK(std::isnan(second) == (file.exit[n] == 0));
      const double answer = file.stop[n] * first + (file.exit[n] == 1 ? second : 0.0F);
      CHECK(file.answer[n * 10 + j] == doctest::Approx(answer / weights).epsilon(1e-4));
      total += file.answer[n * 10 + j];
    }
    CHECK(total == doctest::Approx(1).epsilon(1e-5));
  }
  CHECK(first_exits > 0);
  CHECK(first_exits < 30);
  CHECK(run.json()["stopped"][0] == first_exits);
}

TEST_CASE("image files get the answers that the same images get in a dataset") {
  const SmallWorld world;
  std::vector<std::uint8_t> planes(3 * 64), pixels(3 * 64);
  std::vector<std::string> arguments = {"predict", world.model()};
  const auto dataset = open_dataset(world.data(), "test");
  for (std::int64_t i = 0; i < 3; ++i) {
    dataset->read(std::vector<std::int64_t>{i}, planes.data());
    for (std::size_t p = 0; p < 64; ++p) {
      for (std::size_t c = 0; c < 3; ++c) pixels[p * 3 + c] = planes[c * 64 + p];
    }
    arguments.push_back(world.path(std::to_string(i) + ".png"));
    write_png(arguments.back(), 8, 8, 3, pixels);
  }
  arguments.insert(arguments.end(), {"--json", "-o", world.path("files.h5")});
  const Finished run = cascadecl_run(arguments);
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  REQUIRE(cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", world.path("set.h5")}).status == 0);
  const Predictions files(world.path("files.h5"), 3), set(world.path("set.h5"), 30);
  const nlohmann::json images = run.json()["images"];
  REQUIRE(images.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(images[i]["exit_stage"] == set.exit[i]);
    CHECK(files.exit[i] == set.exit[i]);
    REQUIRE(images[i]["stages"].size() == static_cast<std::size_t>(set.exit[i]) + 1);  // those visited
    for (std::size_t k = 0; k < images[i]["stages"].size(); ++k)
      CHECK(images[i]["stages"][k]["probabilities"][3].get<double>() ==
            doctest::Approx(set.probabilities[(k * 30 + i) * 10 + 3]).epsilon(1e-4));
    CHECK(images[i]["label_name"] == "class " + images[i]["label"].dump());
    for (std::size_t j = 0; j < 10; ++j) {
      CHECK(files.answer[i * 10 + j] == doctest::Approx(set.answer[i * 10 + j]).epsilon(1e-5));
      CHECK(images[i]["answer"][j].get<double>() == doctest::Approx(files.answer[i * 10 + j]));
    }
  }
}

TEST_CASE("one bad image file among good ones is named, and nothing is written") {
  const SmallWorld world;
  write_png(world.folder / "good.png", 8, 8, 3, random_pixels(192));
  write_text(world.folder / "bad.png", "\x89PNG, or not");
  for (const char* bad : {"bad.png", "missing.png"}) {
    const Finished run =
        cascadecl_run({"predict", world.model(), world.path("good.png"), world.path(bad), "-o", world.path("o.h5")});
    CHECK(error_fault(run, 4, bad) == "");
  }
  CHECK_FALSE(std::filesystem::exists(world.path("o.h5")));
}

}  // namespace
}  // namespace cascadecl::testing
