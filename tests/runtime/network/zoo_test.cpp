#include "runtime/network/zoo.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <string>

#include "data/files/error.h"
#include "runtime/network/description.h"
#include "runtime/network/stages.h"
#include "runtime/network/summary.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

constexpr ImageShape cifar{3, 32, 32};

}  // namespace

TEST_CASE("resnet-N has exactly the multiply-adds of the paper's Table 1") {
  // Convolutions alone; Table 1 rounds them to 14.86, 43.17, 71.48, 128.11 and 255.51 M.
  CHECK(make_network("resnet-8", cifar, 10).convolution_macs() == 14'860'288);
  CHECK(make_network("resnet-20", cifar, 10).convolution_macs() == 43'171'840);
  CHECK(make_network("resnet-32", cifar, 10).convolution_macs() == 71'483'392);
  CHECK(make_network("resnet-56", cifar, 10).convolution_macs() == 128'106'496);
  CHECK(make_network("resnet-110", cifar, 10).convolution_macs() == 255'508'480);
}

TEST_CASE("wrn-40-K has the multiply-adds of the paper's Table 1 within its rounding") {
  const std::pair<const char*, double> table[] = {
      {"wrn-40-1", 85.64}, {"wrn-40-1.5", 192.36}, {"wrn-40-2", 341.68}, {"wrn-40-3", 768.13}, {"wrn-40-4", 1364.97}};
  for (const auto& row : table) {
    const auto& [name, mmac] = row;
    CAPTURE(row.first);
    const double ours = static_cast<double>(make_network(name, cifar, 10).convolution_macs()) / 1e6;
    CHECK(std::abs(ours - mmac) < 4.2e-5 * mmac);  // the table's figures end up to 0.0042 % above ours
  }
  CHECK(make_network("wrn-40-2", cifar, 10).convolution_macs() == 341'671'936);
}

TEST_CASE("the dense layer counts in macs but not in convolution_macs") {
  const Network network = make_network("resnet-8", cifar, 100);
  CHECK(network.macs() == network.convolution_macs() + 64 * 100);
  CHECK(network.macs(network.layer("dense")) == 6400);
  CHECK(network.macs(network.layer("conv1")) == 3 * 16 * 9 * 1024);
  CHECK(network.macs(network.layer("bn")) == 0);
}

TEST_CASE("resnet-8 has its layers by name, in order") {
  const Network network = make_network("resnet-8", cifar, 10);
  const char* names[] = {"input",
                         "conv1",
                         "block1/unit1/bn1",
                         "block1/unit1/relu1",
                         "block1/unit1/conv1",
                         "block1/unit1/bn2",
                         "block1/unit1/relu2",
                         "block1/unit1/conv2",
                         "block1/unit1/add",
                         "block2/down"};
  for (std::size_t i = 0; i < std::size(names); ++i) CHECK(network.layers()[i].name == names[i]);
  CHECK(network.layer("block1/unit1/add").inputs == std::vector<std::string>{"conv1", "block1/unit1/conv2"});
  CHECK(network.layer("block2/down").shape == ImageShape{32, 16, 16});
  CHECK(network.layer("relu").shape == ImageShape{64, 8, 8});
  CHECK(network.classes() == 10);
  CHECK(network.layers().back().shape == ImageShape{10, 1, 1});
}

TEST_CASE("resnet-N-bn has the multiply-adds of resnet-N and units that end in batch norm") {
  for (const char* name : {"resnet-8", "resnet-20", "resnet-110"}) {
    CAPTURE(name);
    const Network plain = make_network(name, cifar, 10), ending = make_network(std::string(name) + "-bn", cifar, 10);
    CHECK(ending.macs() == plain.macs());
    CHECK(ending.name() == std::string(name) + "-bn");
  }
  const Network network = make_network("resnet-8-bn", cifar, 10);
  const char* unit[] = {"bn1", "conv1", "bn2", "relu", "conv2", "bn3", "add"};
  for (std::size_t i = 0; i < std::size(unit); ++i)
    CHECK(network.layers()[i + 2].name == std::string("block1/unit1/") + unit[i]);
  CHECK(network.layer("block1/unit1/add").inputs == std::vector<std::string>{"conv1", "block1/unit1/bn3"});
}

TEST_CASE("any depth of the families and any image size makes a network") {
  CHECK(make_network("resnet-14", {1, 28, 28}, 10).layer("bn").shape == ImageShape{64, 7, 7});
  CHECK(make_network("resnet-8", {3, 1, 1}, 2).layer("bn").shape == ImageShape{64, 1, 1});
  CHECK(make_network("resnet-8", {4, 33, 7}, 2).layer("bn").shape == ImageShape{64, 9, 2});
  CHECK(make_network("wrn-10-0.5", cifar, 10).layer("conv1").shape.channels == 8);
  CHECK(make_network("wrn-40-1.5", cifar, 10).layer("block3/unit6/conv2").shape.channels == 96);
}

TEST_CASE("an unknown network is a usage error that lists the known ones") {
  for (const char* name : {"",           "resnet",       "resnet-",   "resnet-9",           "resnet-2",
                           "resnet-020", "resnet-20 ",   "resnet--8", "resnet-99999999999", "resnet-1000004",
                           "wrn-40",     "wrn-40-",      "wrn-40-0",  "wrn-40-nan",         "wrn-40-1.03",
                           "wrn-40-2.0", "wrn-40-1e300", "wrn-39-1",  "wrn-40--1",          "vgg-16",
                           "resnet-bn",  "resnet-9-bn",  "resnet-8-", "resnet-8-bn-bn"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(make_network(name, cifar, 10), doctest::Contains("resnet-110"), UsageError);
  }
}

TEST_CASE("a network for no classes or no pixels is refused") {
  CHECK_THROWS_WITH_AS(make_network("resnet-8", cifar, 0), doctest::Contains("dense dense: out_channels"), ShapeError);
  CHECK_THROWS_WITH_AS(make_network("resnet-8", {3, 0, 32}, 10), doctest::Contains("[3,0,32]"), ShapeError);
}

TEST_CASE("parse_stages makes one network per entry") {
  const auto networks = parse_stages("resnet-8,resnet-20,wrn-40-2", cifar, 10);
  REQUIRE(networks.size() == 3);
  CHECK(networks[0].name() == "resnet-8");
  CHECK(networks[2].name() == "wrn-40-2");
}

TEST_CASE("parse_stages refuses empty and unknown entries") {
  CHECK_THROWS_WITH_AS(parse_stages("", cifar, 10), doctest::Contains("stage 1 is empty"), UsageError);
  CHECK_THROWS_WITH_AS(parse_stages("resnet-8,", cifar, 10), doctest::Contains("stage 2 is empty"), UsageError);
  CHECK_THROWS_WITH_AS(parse_stages("resnet-8,lenet", cifar, 10), doctest::Contains("'lenet'"), UsageError);
  CHECK_THROWS_WITH_AS(parse_stages("missing.json", cifar, 10), doctest::Contains("missing.json: no such file"),
                       FileError);
}

TEST_CASE("parse_stages reads layer lists from .json files and holds them against the model") {
  const TemporaryFolder folder;
  const std::string path = (folder / "net.json").string();
  std::ofstream(path) << make_network("resnet-14", cifar, 10).to_json();
  CHECK(parse_stages("resnet-8," + path, cifar, 10).at(1) == make_network("resnet-14", cifar, 10));
  CHECK_THROWS_WITH_AS(parse_stages(path, cifar, 11), doctest::Contains("needed are [3,32,32] and 11"), UsageError);
  std::ofstream(path) << "{}";
  CHECK_THROWS_WITH_AS(parse_stages(path, cifar, 10), (path + ": layer list: field name: is missing").c_str(),
                       FileError);
}

TEST_CASE("a summary adds up to the network's totals") {
  const Network network = make_network("resnet-20", cifar, 10);
  const NetworkSummary summary = summarize(network);
  REQUIRE(summary.layers.size() == network.layers().size());
  std::int64_t macs = 0, parameters = 0;
  for (const LayerSummary& layer : summary.layers) {
    macs += layer.macs;
    parameters += layer.parameters;
  }
  CHECK(macs == summary.macs);
  CHECK(parameters == summary.parameters);
  CHECK(summary.convolution_macs == 43'171'840);
  CHECK(summary.layers[1].type == "conv");
  CHECK(summary.layers[1].output == ImageShape{16, 32, 32});
}

}  // namespace cascadecl
