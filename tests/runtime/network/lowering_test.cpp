#include "runtime/network/lowering.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "data/files/error.h"
#include "runtime/network/steps/step.h"
#include "runtime/network/zoo.h"
#include "tests/support/test_networks.h"

namespace cascadecl {
namespace {

using namespace testing;
using Names = std::vector<std::string_view>;

Names kinds(const Lowering& lowering) {
  Names result;
  for (const LoweredStep& step : lowering.steps) result.push_back(step.kind->name);
  return result;
}

const LoweredStep& step_of(const Lowering& lowering, const Network& network, const std::string& layer) {
  const int index = network.index_of(layer);
  const auto found =
      std::ranges::find_if(lowering.steps, [&](const LoweredStep& step) { return step.layers.back() == index; });
  REQUIRE(found != lowering.steps.end());
  return *found;
}

}  // namespace

TEST_CASE("lowering makes batch norm and ReLU ways of reading, and the residual add part of its convolution") {
  const Network network = make_network("resnet-8", {3, 32, 32}, 10);
  const Lowering lowering = lower(network);
  // First convolution, three units of two convolutions, two projections, pool and dense.
  CHECK(lowering.steps.size() == 11);
  CHECK(std::ranges::count(kinds(lowering), "convolution") == 9);
  CHECK(lowering.steps[9].kind == &global_pool_step);
  CHECK(lowering.steps[10].kind == &dense_step);
  CHECK(lowering.tensors.size() == 12);
  const LoweredStep& last = lowering.steps[2];  // the second convolution of the first unit
  CHECK(last.in().activation == ActivationFunction::relu());
  CHECK(last.in().batch_norm >= 0);
  REQUIRE(last.inputs.size() == 2);
  CHECK(last.inputs[1].plain());
  CHECK(last.inputs[1].tensor == lowering.steps[0].out());
  CHECK(last.in_place == 1);
  CHECK(network.layers()[static_cast<std::size_t>(last.layers.back())].is<layers::Add>());
}

TEST_CASE("a lowered step names the layers that it computes") {
  NetworkBuilder net({3, 8, 8});
  const std::string stem = net.convolution(4);
  net.batch_norm();
  net.relu();
  net.add(stem, net.convolution(4));
  const Network network = net.finish(2);
  const Lowering lowering = lower(network);
  CHECK(layer_names(network, lowering.steps[0]) == "conv1");
  CHECK(layer_names(network, lowering.steps[1]) == "batch_norm2 + relu3 + conv4 + add5");
}

TEST_CASE("a mean that feeds a convolution, and a pixel that feeds dense, are laid out as dense reads them") {
  NetworkBuilder net({3, 4, 4});
  net.global_average_pool();
  const std::string convolution = net.convolution(6, {1, 1, 1, 0});
  const Network network = net.finish_dense(2);
  const Lowering lowering = lower(network);
  CHECK(kinds(lowering) == Names{"pool", "convolution", "global pool", "dense"});
  CHECK(layer_names(network, lowering.steps[2]) == convolution);
}

TEST_CASE("every layer is computed, and every tensor is written before it is read") {
  for (const Network& network : {odd_network(), small_resnet(), make_network("wrn-10-1", {3, 9, 9}, 4)}) {
    const Lowering lowering = lower(network);
    std::vector<int> computed(network.layers().size()), written(lowering.tensors.size(), -1);
    for (std::size_t s = 0; s < lowering.steps.size(); ++s) {
      const LoweredStep& step = lowering.steps[s];
      for (int layer : step.layers) ++computed[static_cast<std::size_t>(layer)];
      for (const LoweredView& in : step.inputs) {
        if (in.tensor == 0) continue;
        CHECK(written[static_cast<std::size_t>(in.tensor)] >= 0);
        CHECK(lowering.tensors[static_cast<std::size_t>(in.tensor)].last_reader >= static_cast<int>(s));
      }
      CHECK(written[static_cast<std::size_t>(step.out())] < 0);  // once only
      written[static_cast<std::size_t>(step.out())] = static_cast<int>(s);
    }
    for (std::size_t i = 1; i < computed.size(); ++i) {
      CAPTURE(network.layers()[i].name);
      CHECK(computed[i] >= 1);
    }
    CHECK(lowering.tensors.back().readers == 0);
    CHECK(lowering.steps.back().kind == &dense_step);
  }
}

TEST_CASE("a convolution with several readers keeps its own tensor beside the sum") {
  NetworkBuilder net({3, 8, 8});
  const std::string stem = net.convolution(4);
  const std::string branch = net.convolution(4);
  const std::string sum = net.add(stem, branch);
  net.add(sum, branch);
  const Network network = net.finish(2);
  const Lowering lowering = lower(network);
  CHECK(step_of(lowering, network, branch).inputs.size() == 1);
  CHECK(step_of(lowering, network, sum).kind == &add_step);
}

TEST_CASE("a value added to itself, or a summand behind a batch norm, is added by a step of its own") {
  NetworkBuilder net({3, 8, 8});
  const std::string stem = net.convolution(4);
  const std::string twice = net.add(stem, stem);
  const std::string normal = net.batch_norm();
  const std::string sum = net.add(normal, net.convolution(4, net.same, twice));
  const Network network = net.finish(2);
  const Lowering lowering = lower(network);
  CHECK(step_of(lowering, network, twice).kind == &add_step);
  CHECK(step_of(lowering, network, sum).kind == &add_step);
  CHECK(step_of(lowering, network, sum).in().batch_norm == network.index_of(normal));
}

TEST_CASE("batch norm behind a batch norm or a ReLU reads a tensor of its own") {
  NetworkBuilder net({3, 8, 8});
  net.convolution(4);
  net.batch_norm();
  const std::string second = net.batch_norm();
  net.relu();
  const std::string third = net.batch_norm();
  const Network network = net.finish(2);
  const Lowering lowering = lower(network);
  CHECK(kinds(lowering) == Names{"convolution", "materialize", "materialize", "global pool", "dense"});
  CHECK(lowering.tensors[2].batch_norms == std::vector<int>{network.index_of(second)});
  CHECK(lowering.tensors[3].batch_norms == std::vector<int>{network.index_of(third)});
}

TEST_CASE("lowering names the layer that no plan can run") {
  NetworkBuilder wide({3, 4, 6});
  wide.global_average_pool();
  wide.convolution(4, {1, 1, 1, 0});
  const Network feeds_convolution = wide.finish(2);
  CHECK_THROWS_WITH_AS(
      lower(feeds_convolution),
      "global_average_pool global_average_pool1: a 4x6 image whose mean feeds another layer than dense; "
      "expected a square",
      ShapeError);
  NetworkBuilder oblong({3, 8, 8});
  oblong.max_pool({2, 3, 1, 0});
  const Network oblong_window = oblong.finish(2);
  CHECK_THROWS_WITH_AS(lower(oblong_window), "max_pool max_pool1: a 2x3 window; expected a square", ShapeError);
}

}  // namespace cascadecl
