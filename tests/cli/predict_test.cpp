#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "data/dataset_file.h"
#include "data/files/hdf5_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"
#include "tests/support/python.h"

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

// Pictures of other sizes than the model's, in all formats and forms that are read, in the model's classes.
void copy_pictures(const SmallWorld& world) {
  namespace fs = std::filesystem;
  int i = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(CASCADECL_PICTURES)) {
    const fs::path folder = world.folder / "photos" / fmt::format("class {}/deep", i++ % 10);
    fs::create_directories(folder);
    fs::copy(entry.path(), folder);
  }
}

TEST_CASE("a folder's pictures get the answers that they get in a dataset imported from it") {
  const SmallWorld world;
  copy_pictures(world);
  const std::string photos = world.path("photos"), data = world.path("photos.h5");
  const nlohmann::json imported =
      cascadecl_run({"data", "import", "folder", photos, "-o", data, "--size", "3x8x8", "--json"}).json();
  const auto images = imported["images"].get<std::int64_t>();
  const std::size_t skipped = imported["skipped_images"];
  REQUIRE(images > 50);
  REQUIRE(skipped > 5);
  REQUIRE(imported["ignored_files"] == 2);  // make.py and expected.txt
  REQUIRE(cascadecl_run({"predict", world.model(), "--data", data + ":train", "-o", world.path("set.h5")}).status == 0);

  const Finished run = cascadecl_run({"predict", world.model(), photos, "-o", world.path("files.h5"), "--json"});
  CHECK(run.status == 4);
  CHECK(contains(run.err, "left out 2 files that are not called as images are, the first " + photos));
  CHECK(contains(run.err, fmt::format("{} of the {} images cannot be read", skipped, images + skipped)));
  const Predictions set(world.path("set.h5"), images), files(world.path("files.h5"), images);
  CHECK(files.answer == set.answer);
  CHECK(files.exit == set.exit);
  std::size_t bad = 0, good = 0;
  std::string last;
  const nlohmann::json answers = run.json()["images"];
  for (const nlohmann::json& image : answers) {
    const std::string name = image["image"];
    CHECK(last < name);
    last = name;
    if (image.contains("error")) {
      CHECK(image["error"] == imported["skipped"][bad]["problem"]);
      CHECK(contains(run.err, "cascadecl predict: " + image["error"].get<std::string>() + "\n"));
      ++bad;
    } else {
      CHECK(image["exit_stage"] == set.exit[good]);
      CHECK(image["answer"][3].get<float>() == set.answer[good * 10 + 3]);
      ++good;
    }
  }
  CHECK(bad == skipped);
  CHECK(good == static_cast<std::size_t>(images));
}

TEST_CASE("an image that cannot be read is told, and the others are answered") {
  const SmallWorld world;
  write_png(world.folder / "good.png", 30, 17, 3, random_pixels(30 * 17 * 3));
  write_text(world.folder / "bad.png", "\x89PNG, or not");
  for (const char* bad : {"bad.png", "missing.png"}) {
    const Finished run = cascadecl_run({"predict", world.model(), world.path(bad), world.path("good.png"), "-o",
                                        world.path("o.h5"), "--csv", world.path("o.csv")});
    CHECK(run.status == 4);
    CHECK(contains(run.out, "good.png"));
    CHECK_FALSE(contains(run.out, bad));
    CHECK(contains(run.err, "cascadecl predict: " + world.path(bad) + ": "));
    CHECK(contains(run.err, "cascadecl predict: 1 of the 2 images cannot be read\n"));
    CHECK(Predictions(world.path("o.h5"), 1).exit.size() == 1);
    CHECK(contains(read_text(world.folder / "o.csv"), world.path(bad) + ",,,,,,,," + world.path(bad) + ": "));
    std::filesystem::remove(world.folder / "o.h5");
    CHECK(error_fault(cascadecl_run({"predict", world.model(), world.path(bad), "-o", world.path("o.h5")}), 4, bad) ==
          "");
    CHECK_FALSE(std::filesystem::exists(world.folder / "o.h5"));
  }
  const Finished none = cascadecl_run({"predict", world.model(), world.path("bad.png"), world.path("missing.png")});
  CHECK(none.status == 4);
  CHECK(none.out.empty());
  CHECK(contains(none.err, "none of the 2 images can be read"));
  std::filesystem::create_directory(world.folder / "empty");
  CHECK(error_fault(cascadecl_run({"predict", world.model(), world.path("empty")}), 4,
                    "empty: there is no image file in this folder") == "");
}

TEST_CASE("--top tells the most probable classes, in text, JSON and CSV") {
  const SmallWorld world;
  const std::string file = world.path("a, \"b\".png");
  write_png(file, 8, 8, 3, random_pixels(192));
  const nlohmann::json image =
      cascadecl_run({"predict", world.model(), file, "--top", "3", "--csv", world.path("o.csv"), "--json"})
          .json()["images"][0];
  REQUIRE(image["top"].size() == 3);
  CHECK(image["top"][0]["label"] == image["label"]);
  CHECK(image["top"][0]["label_name"] == image["label_name"]);
  for (std::size_t rank = 0; rank < 3; ++rank) {
    const nlohmann::json& of = image["top"][rank];
    CHECK(of["probability"] == image["answer"][of["label"].get<std::size_t>()]);
    std::size_t larger = 0;
    for (const nlohmann::json& value : image["answer"]) larger += value > of["probability"];
    CHECK(larger == rank);
  }
  std::istringstream lines(read_text(world.folder / "o.csv"));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "image,rank,label,label_name,probability,exit_stage,network,mmac,error");
  for (std::size_t rank = 0; rank < 3; ++rank) {
    std::getline(lines, line);
    const std::string label = image["top"][rank]["label"].dump();
    CHECK(line.starts_with(fmt::format("\"{}/a, \"\"b\"\".png\",{},{},class {},0.", world.folder.path().string(),
                                       rank + 1, label, label)));
    CHECK(line.ends_with(","));
  }
  CHECK_FALSE(std::getline(lines, line));
  const Finished text = cascadecl_run({"predict", world.model(), file, "--top", "3"});
  std::istringstream rows(text.out);
  std::getline(rows, line);
  for (std::size_t rank = 0; rank < 3; ++rank) {
    std::getline(rows, line);
    CHECK(line.starts_with(rank == 0 ? file : std::string(file.size(), ' ')));
    CHECK(contains(line, image["top"][rank]["label_name"].get<std::string>()));
  }
  CHECK(cascadecl_run({"predict", world.model(), file, "--top", "999", "--json"}).json()["images"][0]["top"].size() ==
        10);
  CHECK(error_fault(cascadecl_run({"predict", world.model(), file, "--top", "0"}), 2, "--top") == "");
}

TEST_CASE("the predictions file holds the names of the images that have an answer") {
  const std::string python = find_python({"h5py"});
  if (!there_is(python)) return;
  const SmallWorld world;
  for (const char* name : {"b.png", "a \xC3\xA4.png"}) write_png(world.path(name), 8, 8, 3, random_pixels(192));
  CHECK(cascadecl_run({"predict", world.model(), world.path("b.png"), world.path("missing.png"),
                       world.path("a \xC3\xA4.png"), "-o", world.path("o.h5")})
            .status == 4);
  run_python(python, world.folder.path(),
             "import h5py, os\n"
             "f = h5py.File('o.h5')\n"
             "names = [os.path.basename(n) for n in f['name'].asstr()]\n"
             "assert names == ['b.png', 'a \xC3\xA4.png'], names\n"
             "assert f['answer'].shape == (2, 10)\n");
}

TEST_CASE("an image may come on standard input") {
  const SmallWorld world;
  write_png(world.path("a.png"), 20, 10, 3, random_pixels(600));
  const Finished piped = Process({"predict", world.model(), "-", "--json"}, {}, {}, world.path("a.png")).wait();
  CAPTURE(piped.err);
  REQUIRE(piped.status == 0);
  const nlohmann::json expected = cascadecl_run({"predict", world.model(), world.path("a.png"), "--json"}).json();
  CHECK(piped.json()["images"][0]["image"] == "-");
  CHECK(piped.json()["images"][0]["answer"] == expected["images"][0]["answer"]);
  CHECK(error_fault(cascadecl_run({"predict", world.model(), "-"}), 4, "standard input: is empty") == "");
  CHECK(error_fault(cascadecl_run({"predict", world.model(), "-", "-"}), 2, "named twice") == "");
}

TEST_CASE("predict does not replace what it reads") {
  const SmallWorld world;
  write_png(world.path("a.png"), 8, 8, 3, random_pixels(192));
  std::filesystem::create_hard_link(world.path("a.png"), world.path("same.png"));
  const std::string model = world.model(), data = world.data(), image = world.path("a.png");
  const auto refused = [](const std::vector<std::string>& arguments, const std::string& file) {
    const std::string before = read_text(file);
    CHECK(error_fault(cascadecl_run(arguments), 2, file) == "");
    CHECK(read_text(file) == before);
  };
  refused({"predict", model, image, "-o", image}, image);
  refused({"predict", model, image, "-o", world.path("same.png")}, world.path("same.png"));
  refused({"predict", model, image, "--csv", image}, image);
  refused({"predict", model, image, "--csv", model}, model);
  refused({"predict", model, "--data", data, "-o", model}, model);
  refused({"predict", model, "--data", data + ":train", "-o", data}, data);
  refused({"predict", model, world.folder.path().string(), "-o", image}, image);
}

// The words of the command in the README that begins so, with the files of the checkout.
std::vector<std::string> readme_command(const std::string& begin) {
  const std::filesystem::path checkout = CASCADECL_CHECKOUT;
  const std::string readme = read_text(checkout / "README.md");
  const std::size_t at = readme.find(begin);
  REQUIRE(at != std::string::npos);
  std::istringstream line(readme.substr(at, readme.find_first_of("#\n", at) - at));
  std::vector<std::string> words;
  for (std::string word; line >> word;) words.push_back(word.starts_with("share/") ? (checkout / word).string() : word);
  return {words.begin() + 1, words.end()};
}

TEST_CASE("the pictures of the README's example are classified as what they show") {
  const Finished run = cascadecl_run(readme_command("build/release/cascadecl predict "));
  CAPTURE(run.err);
  CHECK(run.status == 0);
  for (const char* name : {"airplane", "automobile", "ship"}) {
    const std::size_t line = run.out.find(std::string(name) + ".jpg");
    REQUIRE(line != std::string::npos);
    CHECK(contains(run.out.substr(line + std::string(name).size() + 4, 30), name));
  }
}

TEST_CASE("names are shown so that no terminal obeys them") {
  const SmallWorld world;
  write_png(world.path("a\x1B[31m\nb.png"), 8, 8, 3, random_pixels(192));
  const Finished run = cascadecl_run({"predict", world.model(), world.path("a\x1B[31m\nb.png")});
  REQUIRE(run.status == 0);
  CHECK(contains(run.out, "a\\x1b[31m\\nb.png"));
  CHECK(error_fault(cascadecl_run({"predict", world.model(), world.path("c\x1B[31m\nd.png")}), 4,
                    "c\\x1b[31m\\nd.png: there is no such file") == "");
}

}  // namespace
}  // namespace cascadecl::testing
