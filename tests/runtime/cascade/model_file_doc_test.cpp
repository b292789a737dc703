// The page about the model file ends with a program; it must compute what we compute.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "data/files/hdf5_file.h"
#include "runtime/cascade/model_file.h"
#include "runtime/network/zoo.h"
#include "tests/support/python.h"
#include "tests/support/random_model.h"
#include "tests/support/reference_network.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

std::string python() { return find_python({"h5py", "numpy"}); }

// The last block of the page in that language.
std::string block(const std::string& language) {
  const fs::path page = CASCADECL_DOC_FOLDER "/model-file.md";
  std::ifstream in(page);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::string fence = "```" + language + "\n";
  const std::size_t start = text.rfind(fence);
  REQUIRE(start != std::string::npos);
  return text.substr(start + fence.size(), text.find("\n```", start) - start - fence.size()) + "\n";
}

std::vector<std::uint8_t> random_images(std::size_t size) {
  std::vector<std::uint8_t> images(size);
  std::uint32_t state = 1;
  for (std::uint8_t& pixel : images) pixel = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return images;
}

// A net with the layers that those of the zoo have not: both pools, odd kernels, padding.
Network pool_network(ImageShape input, int classes) {
  const std::vector<Layer> list{
      {.name = "input", .attributes = layers::Input{}},
      {.name = "a/conv",
       .attributes = layers::Convolution{.out_channels = 5, .window = {5, 3, 2, 2}},
       .inputs = {"input"}},
      {.name = "a/average", .attributes = layers::AveragePool{.window = {3, 2, 2, 1}}, .inputs = {"a/conv"}},
      {.name = "a/max", .attributes = layers::MaxPool{.window = {2, 3, 1, 1}}, .inputs = {"a/average"}},
      {.name = "pool", .attributes = layers::GlobalAveragePool{}, .inputs = {"a/max"}},
      {.name = "dense", .attributes = layers::Dense{.out_channels = classes}, .inputs = {"pool"}}};
  return Network("pools", input, list);
}

// A net with the attributes that those of the zoo leave at their defaults.
Network rich_network(ImageShape input, int classes) {
  const std::vector<Layer> list{
      {.name = "input", .attributes = layers::Input{}},
      {.name = "conv",
       .attributes = layers::Convolution{.out_channels = 6, .window = {3, 3, 2, 1}, .bias = true, .groups = 3},
       .inputs = {"input"}},
      {.name = "other",
       .attributes = layers::Convolution{.out_channels = 4, .window = {1, 1, 2, 0}},
       .inputs = {"input"}},
      {.name = "concat", .attributes = layers::Concat{}, .inputs = {"conv", "conv", "other"}},
      {.name = "shuffle", .attributes = layers::ChannelShuffle{.groups = 8}, .inputs = {"concat"}},
      {.name = "pool", .attributes = layers::GlobalAveragePool{}, .inputs = {"shuffle"}},
      {.name = "hidden", .attributes = layers::Dense{.out_channels = 5}, .inputs = {"pool"}},
      {.name = "clip", .attributes = layers::Clip{.low = -0.5F, .high = 1}, .inputs = {"hidden"}},
      {.name = "dense", .attributes = layers::Dense{.out_channels = classes, .bias = false}, .inputs = {"clip"}}};
  return Network("rich", input, list);
}

// Largest difference between the page's program and the reference over all probabilities; exits must be equal. Adds the
// stages where images left to `exits`.
double largest_difference(const Model& model, int n, std::set<int>& exits) {
  const TemporaryFolder folder;
  const ImageShape shape = model.input;
  const auto image_size = shape.values();
  const std::vector<std::uint8_t> images = random_images(image_size * static_cast<std::size_t>(n));
  write_model(folder / "model.h5", model);
  {
    Hdf5Writer file(folder / "images.h5");
    file.write<std::uint8_t>("/images", {n, shape.channels, shape.height, shape.width}, images);
    file.commit();
  }
  std::ofstream(folder / "forward.py") << block("python");
  const std::string call = python() + " forward.py model.h5 images.h5 out.h5";
  REQUIRE(std::system(("cd '" + folder.path().string() + "' && " + call).c_str()) == 0);

  const Hdf5Reader out(folder / "out.h5");
  const auto k = static_cast<std::int64_t>(model.stages.size());
  const std::vector<double> probabilities = out.read<double>("/probabilities", {k, n, model.classes});
  const std::vector<double> stop = out.read<double>("/stop_probability", {k, n});
  const std::vector<double> answer = out.read<double>("/answer", {n, model.classes});
  const std::vector<std::int32_t> exit_stage = out.read<std::int32_t>("/exit_stage", {n});
  const auto count = static_cast<std::size_t>(n), classes = static_cast<std::size_t>(model.classes);
  double difference = 0;
  for (std::size_t i = 0; i < count; ++i) {
    reference::Values x(image_size);
    for (std::size_t j = 0; j < image_size; ++j) {
      const std::size_t c = j / (image_size / static_cast<std::size_t>(shape.channels));
      x[j] = (images[i * image_size + j] / 255.0 - model.mean[c]) / model.std[c];
    }
    const reference::CascadeAnswer expected = reference::classify(model, x);
    CHECK(exit_stage[i] == expected.exit_stage);
    exits.insert(expected.exit_stage);
    for (std::size_t t = 0; t < model.stages.size(); ++t) {
      difference = std::max(difference, std::abs(stop[t * count + i] - expected.stop_probability[t]));
      for (std::size_t c = 0; c < classes; ++c)
        difference = std::max(difference, std::abs(probabilities[(t * count + i) * classes + c] -
                                                   expected.probabilities[t * classes + c]));
    }
    for (std::size_t c = 0; c < classes; ++c)
      difference = std::max(difference, std::abs(answer[i * classes + c] - expected.answer[c]));
  }
  return difference;
}

}  // namespace

// Both sides compute in double from the same float weights, so only the order of summation differs.
TEST_CASE("the program in share/doc/model-file.md computes what the cascade computes") {
  if (!there_is(python())) return;
  const ImageShape image{3, 13, 10};
  const std::vector<Network> networks{make_network("resnet-8", image, 4), pool_network(image, 4),
                                      make_network("wrn-10-1.5", image, 4)};
  std::set<int> exits;
  // Seeds whose policies stop some images and not others.
  CHECK(largest_difference(random_model(networks, 3, PolicyInput::raw), 6, exits) < 1e-9);
  CHECK(largest_difference(random_model(networks, 4, PolicyInput::permuted), 6, exits) < 1e-9);
  CHECK(largest_difference(random_model(networks, 6, PolicyInput::sorted), 6, exits) < 1e-9);
  CHECK(largest_difference(random_model(networks, 9, PolicyInput::features), 6, exits) < 1e-9);
  CHECK(largest_difference(random_model({rich_network(image, 4)}, 5), 2, exits) < 1e-9);
  CHECK(largest_difference(random_model({make_network("resnet-14-bn", image, 4)}, 5), 2, exits) < 1e-9);
  Model tempered = random_model(networks, 3, PolicyInput::sorted);
  tempered.temperatures = {1.5, 0.75, 3};
  CHECK(largest_difference(tempered, 6, exits) < 1e-9);
  Model combined = random_model(networks, 5, PolicyInput::combined);
  combined.temperatures = {0.8, 1.25, 2};
  CHECK(largest_difference(combined, 6, exits) < 1e-9);
  const ImageShape many{3, 6, 5};  // of whose 20 classes a policy sees 16
  CHECK(largest_difference(random_model({make_network("resnet-8", many, 20), make_network("resnet-8", many, 20)}, 8,
                                        PolicyInput::combined),
                           4, exits) < 1e-9);
  CHECK(exits == std::set<int>{0, 1, 2});  // so that every way through the cascade was compared
  CHECK(largest_difference(random_model({make_network("resnet-14", {1, 7, 5}, 2)}, 6), 2, exits) < 1e-9);
}

TEST_CASE("the layer list in share/doc/model-file.md is one") {
  CHECK(Network::from_json(block("json")).layers().size() == 5);
}

}  // namespace cascadecl
