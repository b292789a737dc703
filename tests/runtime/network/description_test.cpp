#include "runtime/network/description.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "data/files/error.h"
#include "runtime/network/parameters.h"
#include "runtime/network/zoo.h"
#include "tests/support/reference_network.h"

namespace cascadecl {
namespace {

Layer input() { return {.name = "input", .attributes = layers::Input{}}; }
Layer conv(std::string name, std::string from, int channels, int kernel = 3, int stride = 1) {
  return {.name = std::move(name),
          .attributes = layers::Convolution{.out_channels = channels, .window = {kernel, kernel, stride, kernel / 2}},
          .inputs = {std::move(from)}};
}
Layer simple(std::string name, LayerAttributes attributes, std::vector<std::string> from) {
  return {.name = std::move(name), .attributes = attributes, .inputs = std::move(from)};
}
Layer dense(std::string from, int classes = 4) {
  return simple("dense", layers::Dense{.out_channels = classes}, {std::move(from)});
}
layers::Convolution& conv_of(Layer& layer) { return std::get<layers::Convolution>(layer.attributes); }

// input, conv1, pool, dense, changed by `change`.
std::vector<Layer> small_layers(const std::function<void(std::vector<Layer>&)>& change = {}) {
  std::vector<Layer> list{input(), conv("conv1", "input", 5), simple("pool", layers::GlobalAveragePool{}, {"conv1"}),
                          dense("pool")};
  if (change) change(list);
  return list;
}

Network small_network() { return Network("small", {3, 8, 8}, small_layers()); }

std::string shape_error(const std::function<void(std::vector<Layer>&)>& change) {
  try {
    Network("small", {3, 8, 8}, small_layers(change));
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no error";
}

std::string json_error(const std::string& json) {
  try {
    Network::from_json(json);
  } catch (const FileError& error) {
    return error.what();
  }
  return "no error";
}

// A layer list of input, the given layers and a tail of pool and dense on top of `last`.
std::string with_layers(const std::string& layers, const std::string& last) {
  return R"({"name":"x","input_shape":[3,8,8],"layers":[{"name":"input","type":"input"},)" + layers +
         R"(,{"name":"pool","type":"global_average_pool","inputs":[")" + last +
         R"("]},{"name":"dense","type":"dense","inputs":["pool"],"out_channels":2}]})";
}

// A random chain of layers with some residual adds, always valid.
Network random_network() {
  const ImageShape image{*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 20), *rc::gen::inRange(1, 20)};
  std::vector<Layer> list{input()};
  const int count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    const std::string top = list.back().name, name = "block/layer" + std::to_string(i);
    switch (*rc::gen::inRange(0, 7)) {
      case 0: {
        list.push_back(
            conv(name, top, *rc::gen::inRange(1, 6), 2 * *rc::gen::inRange(0, 3) + 1, *rc::gen::inRange(1, 3)));
        break;
      }
      case 1:
        list.push_back(simple(name, layers::BatchNorm{}, {top}));
        break;
      case 2:
        list.push_back(simple(name, layers::Relu{}, {top}));
        break;
      case 3:
        list.push_back(simple(name, layers::Add{}, {top, top}));
        break;
      case 4:
        list.push_back(simple(name, layers::Concat{}, {top, top}));
        break;
      case 5:
        list.push_back(simple(name + "/parts", layers::Concat{}, {top, top, top}));
        list.push_back(simple(name + "/shuffle", layers::ChannelShuffle{.groups = 3}, {name + "/parts"}));
        break;
      default:
        if (*rc::gen::arbitrary<bool>()) {
          list.push_back(simple(name, layers::MaxPool{.window = {3, 3, 2, 1}}, {top}));
        } else {
          list.push_back(simple(name, layers::AveragePool{.window = {3, 3, 2, 1}}, {top}));
        }
    }
  }
  list.push_back(simple("pool", layers::GlobalAveragePool{}, {list.back().name}));
  list.push_back(dense("pool", *rc::gen::inRange(1, 12)));
  return Network("random", image, std::move(list));
}

}  // namespace

TEST_CASE("a network fills in the shapes of its layers") {
  const Network network("n", {3, 9, 8}, small_layers([](auto& l) { conv_of(l[1]).window.stride = 2; }));
  CHECK(network.layer("conv1").shape == ImageShape{5, 5, 4});
  CHECK(network.layer("pool").shape == ImageShape{5, 1, 1});
  CHECK(network.layer("dense").shape == ImageShape{4, 1, 1});
  CHECK(network.index_of("pool") == 2);
  CHECK_THROWS_WITH_AS(network.layer("nothing"), doctest::Contains("'nothing'"), UsageError);
}

TEST_CASE("shape errors name the layer and what is wrong with it") {
  CHECK(shape_error([](auto& l) { conv_of(l[1]).out_channels = 0; }) ==
        "conv conv1: out_channels must be at least 1, got 0");
  CHECK(shape_error([](auto& l) { l[1].inputs = {"missing"}; }) ==
        "conv conv1: input 'missing' is not an earlier layer");
  CHECK(shape_error([](auto& l) { l[1].inputs = {"pool"}; }) == "conv conv1: input 'pool' is not an earlier layer");
  CHECK(shape_error([](auto& l) { l[1].inputs = {}; }) == "conv conv1: has 0 inputs, expected 1");
  CHECK(shape_error([](auto& l) { l[3].inputs = {"conv1"}; }) ==
        "dense dense: input is [5,8,8], expected one pixel [C,1,1]: pool first");
  CHECK(shape_error([](auto& l) {
          l.insert(l.begin() + 2, simple("block1/add", layers::Add{}, {"input", "conv1"}));
        }) == "add block1/add: inputs input [3,8,8] and conv1 [5,8,8] differ in shape");
  CHECK(shape_error([](auto& l) {
          l[1] = conv("conv1", "input", 5, 11);
          conv_of(l[1]).window.padding = 0;
        }) == "conv conv1: kernel 11x11 with padding 0 does not fit into input [3,8,8]");
  CHECK(shape_error([](auto& l) { conv_of(l[1]).window.padding = 3; }).starts_with("conv conv1: padding must be"));
  CHECK(shape_error([](auto& l) { conv_of(l[1]).window.padding = -1; }).starts_with("conv conv1: padding must be"));
  CHECK(shape_error([](auto& l) { conv_of(l[1]).window.stride = 0; }) ==
        "conv conv1: stride must be at least 1, got 0");
}

TEST_CASE("a concat adds up the channels of any number of inputs, whose images have one size") {
  const auto concat_of = [](std::vector<std::string> parts, int stride = 1) {
    return Network("n", {3, 8, 8},
                   {input(), conv("conv1", "input", 5, 3, stride), conv("conv2", "input", 4, 3, stride),
                    simple("block/concat", layers::Concat{}, std::move(parts)),
                    simple("pool", layers::GlobalAveragePool{}, {"block/concat"}), dense("pool")});
  };
  const Network network = concat_of({"conv1", "conv2", "conv1", "input"});
  CHECK(network.layer("block/concat").shape == ImageShape{5 + 4 + 5 + 3, 8, 8});
  CHECK(network.macs(network.layer("block/concat")) == 0);
  CHECK(network.parameter_count(network.layer("block/concat")) == 0);
  CHECK(
      network.to_json().find(R"({"name":"block/concat","type":"concat","inputs":["conv1","conv2","conv1","input"]})") !=
      std::string::npos);
  CHECK(Network::from_json(network.to_json()) == network);
  CHECK_THROWS_WITH_AS(concat_of({"conv1", "conv2", "input"}, 2),
                       "concat block/concat: inputs conv1 [5,4,4] and input [3,8,8] differ in height or width",
                       ShapeError);
  CHECK_THROWS_WITH_AS(concat_of({"conv1"}), "concat block/concat: has 1 inputs, expected 2 to 1024", ShapeError);
  CHECK_THROWS_WITH_AS(concat_of(std::vector<std::string>(1025, "conv1")),
                       "concat block/concat: has 1025 inputs, expected 2 to 1024", ShapeError);
  CHECK(json_error(with_layers(R"({"name":"c","type":"concat","inputs":["input","input"],"axis":1})", "c")) ==
        "layer 1 \"c\": field \"axis\": is not known here");
  CHECK_THROWS_WITH_AS(Network("n", {1, 40'000, 40'000}, small_layers([](auto& l) {
                                 l[1] = simple("conv1", layers::Concat{}, {"input", "input"});
                               })),
                       "concat conv1: output has more than 2^31-1 values", ShapeError);
}

TEST_CASE("a channel shuffle keeps the shape, and its groups divide the channels") {
  const auto shuffle_of = [](int groups) {
    return Network("n", {3, 8, 8},
                   {input(), conv("conv1", "input", 12),
                    simple("block/shuffle", layers::ChannelShuffle{.groups = groups}, {"conv1"}),
                    simple("pool", layers::GlobalAveragePool{}, {"block/shuffle"}), dense("pool")});
  };
  for (const int groups : {1, 3, 12}) CHECK_NOTHROW(shuffle_of(groups));
  const Network network = shuffle_of(3);
  CHECK(network.layer("block/shuffle").shape == ImageShape{12, 8, 8});
  CHECK(network.macs(network.layer("block/shuffle")) == 0);
  CHECK(network.parameter_count(network.layer("block/shuffle")) == 0);
  CHECK(network.to_json().find(R"({"name":"block/shuffle","type":"channel_shuffle","inputs":["conv1"],"groups":3})") !=
        std::string::npos);
  CHECK(Network::from_json(network.to_json()) == network);
  CHECK_THROWS_WITH_AS(shuffle_of(5),
                       "channel_shuffle block/shuffle: groups must divide the 12 channels of the input, got 5",
                       ShapeError);
  CHECK_THROWS_WITH_AS(shuffle_of(24),
                       "channel_shuffle block/shuffle: groups must divide the 12 channels of the input, got 24",
                       ShapeError);
  for (const int groups : {0, -3})
    CHECK_THROWS_WITH_AS(
        shuffle_of(groups),
        fmt::format("channel_shuffle block/shuffle: groups must be at least 1, got {}", groups).c_str(), ShapeError);
  const auto shuffle = [](const std::string& rest) {
    return json_error(with_layers(R"({"name":"c","type":"channel_shuffle","inputs":["input"])" + rest + "}", "c"));
  };
  CHECK(shuffle(R"(,"groups":3)") == "no error");
  CHECK(shuffle("") == "layer 1 \"c\": field groups: is missing");
  CHECK(shuffle(R"(,"groups":"3")") ==
        "layer 1 \"c\": field groups: expected an integer from 1 to 2147483647, got \"3\"");
  CHECK(shuffle(R"(,"groups":0)") == "layer 1 \"c\": field groups: expected an integer from 1 to 2147483647, got 0");
  CHECK(shuffle(R"(,"groups":3,"axis":1)") == "layer 1 \"c\": field \"axis\": is not known here");
}

TEST_CASE("a network has one input, one dense layer at its end, and no dead or doubly named layer") {
  CHECK(shape_error([](auto& l) { l.clear(); }) == "network has no layers");
  CHECK(shape_error([](auto& l) { l.erase(l.begin()); }) ==
        "conv conv1: the first layer and only it must be the input");
  CHECK(shape_error([](auto& l) { l.pop_back(); }) == "global_average_pool pool: the last layer must be dense");
  CHECK(shape_error([](auto& l) { l.insert(l.begin() + 1, input()); }).ends_with("only it must be the input"));
  CHECK(shape_error([](auto& l) { l.insert(l.begin() + 2, conv("conv1", "input", 5)); }) ==
        "conv conv1: another layer has the same name");
  CHECK(shape_error([](auto& l) { l.insert(l.begin() + 1, conv("unused", "input", 5)); }) ==
        "conv unused: its output is used by no layer");
}

TEST_CASE("layer names that could not be paths in a file are refused") {
  for (const char* name : {"", "/", "a/", "/a", "a//b", "..", "a/../b", ".", "a b", "a\nb", "\xc3\xa9"}) {
    CAPTURE(name);
    CHECK(shape_error([&](auto& l) {
            l[1].name = name;
            l[2].inputs = {name};
          }).find("its name must be") != std::string::npos);
  }
  CHECK(shape_error([](auto& l) {
          l.insert(l.begin() + 2, conv("conv1/weight", "conv1", 5));
          l[3].inputs = {"conv1/weight"};
        }) == "conv conv1/weight: 'conv1' is a layer, so it cannot begin another name");
}

TEST_CASE("sizes beyond 2^31 values or 2^48 MACs are refused without overflow") {
  const int huge = std::numeric_limits<int>::max();
  CHECK(shape_error([&](auto& l) { conv_of(l[1]).out_channels = huge; }).find("2^31") != std::string::npos);
  CHECK(shape_error([&](auto& l) { l[3] = dense("pool", huge); }).find("2^31") != std::string::npos);
  CHECK(shape_error([&](auto& l) {
          conv_of(l[1]).window = {1 << 20, 1 << 20, 1, (1 << 20) - 1};
        }).find("2^31") != std::string::npos);
  CHECK(shape_error([&](auto& l) {
          conv_of(l[1]).window = {huge, huge, 1, 0};
        }).find("kernel must be at most 1048576x1048576") != std::string::npos);
  CHECK(shape_error([&](auto& l) { conv_of(l[1]).window.stride = huge; }).find("stride must be at most 1048576") !=
        std::string::npos);
  CHECK_THROWS_WITH_AS(Network("n", {huge, huge, huge}, small_layers()), doctest::Contains("below 2^31"), ShapeError);
  CHECK_THROWS_WITH_AS(
      Network("n", {1, 40'000, 40'000}, small_layers([](auto& l) { l[1] = conv("conv1", "input", 1, 1001); })),
      "conv conv1: needs more than 2^48 MACs", ShapeError);
  std::vector<Layer> many = small_layers();
  many.insert(many.begin() + 1, 10'000, conv("c", "input", 1));
  CHECK_THROWS_WITH_AS(Network("n", {3, 8, 8}, many), doctest::Contains("at most 10000"), ShapeError);
}

TEST_CASE("parameter_shapes and parameter_count agree, statistics aside") {
  const Network network = make_network("resnet-8", {3, 32, 32}, 10);
  CHECK(parameter_shapes(network).at("block1/unit1/conv1/weight") == std::vector<int>{16, 16, 3, 3});
  CHECK(parameter_shapes(network).at("bn/running_variance") == std::vector<int>{64});
  CHECK(parameter_shapes(network).at("dense/weight") == std::vector<int>{10, 64});
  std::int64_t count = 0;
  for (const auto& [key, shape] : trained_parameter_shapes(network)) {
    std::int64_t size = 1;
    for (const int dimension : shape) size *= dimension;
    count += size;
  }
  CHECK(count == network.parameter_count());
}

TEST_CASE("groups divide the filters and multiply-adds of a convolution, and a bias is one value a channel") {
  const auto counted = [](const layers::Convolution& convolution) {
    const Network network("n", {4, 8, 8}, small_layers([&](auto& l) { l[1].attributes = convolution; }));
    const Layer& layer = network.layer("conv1");
    return std::pair{network.macs(layer), network.parameter_count(layer)};
  };
  using Counts = std::pair<std::int64_t, std::int64_t>;
  CHECK(counted({.out_channels = 8, .window = {3, 3, 1, 1}}) == Counts{8 * 4 * 9 * 64, 8 * 4 * 9});
  CHECK(counted({.out_channels = 8, .window = {3, 3, 1, 1}, .bias = true}) == Counts{8 * 4 * 9 * 64, 8 * 4 * 9 + 8});
  CHECK(counted({.out_channels = 8, .window = {3, 3, 1, 1}, .groups = 4}) == Counts{8 * 9 * 64, 8 * 9});
}

TEST_CASE("dense layers may stand anywhere, with or without a bias; all count, and the last gives the logits") {
  const Network network("n", {3, 8, 8},
                        {input(), simple("pool", layers::GlobalAveragePool{}, {"input"}),
                         simple("hidden", layers::Dense{.out_channels = 7, .bias = false}, {"pool"}),
                         simple("relu", layers::Relu{}, {"hidden"}), dense("relu", 4)});
  CHECK(network.classes() == 4);
  CHECK(network.feature_count() == 7);
  CHECK(network.macs() == 3 * 7 + 7 * 4);
  CHECK(network.convolution_macs() == 0);
  CHECK(network.parameter_count() == 3 * 7 + 7 * 4 + 4);
  CHECK(parameter_shapes(network).at("hidden/weight") == std::vector<int>{7, 3});
  CHECK_FALSE(parameter_shapes(network).contains("hidden/bias"));
  CHECK(Network::from_json(network.to_json()) == network);
}

TEST_CASE("the bounds of a clip are different and have 0 between them") {
  const auto error = [](float low, float high) {
    return shape_error([&](auto& l) { l[1] = simple("conv1", layers::Clip{.low = low, .high = high}, {"input"}); });
  };
  CHECK(error(0, 6) == "no error");
  CHECK(error(-1, 0) == "no error");
  CHECK(error(1, 6) == "clip conv1: bounds must be different and have 0 between them, got 1 and 6");
  CHECK(error(-2, -1) == "clip conv1: bounds must be different and have 0 between them, got -2 and -1");
  CHECK(error(0, 0) == "clip conv1: bounds must be different and have 0 between them, got 0 and 0");
  const auto clip = [](const std::string& rest) {
    return json_error(with_layers(R"({"name":"c","type":"clip","inputs":["input"],)" + rest + "}", "c"));
  };
  CHECK(clip(R"("min":0,"max":6)") == "no error");
  CHECK(clip(R"("min":0)") == "layer 1 \"c\": field max: is missing");
  CHECK(clip(R"("min":"0","max":6)") == "layer 1 \"c\": field min: expected a number, got \"0\"");
  CHECK(clip(R"("min":0,"max":1e999)").find("not valid JSON") != std::string::npos);
  const Network network("n", {3, 8, 8}, small_layers([](auto& l) {
                          l[1] = simple("conv1", layers::Clip{.low = -0.1F, .high = 0.3F}, {"input"});
                        }));
  CHECK(Network::from_json(network.to_json()) == network);
}

TEST_CASE("attributes that most layers leave at their defaults are left out of layer lists") {
  const Network plain = small_network();
  CHECK(plain.to_json().find("bias") == std::string::npos);
  CHECK(plain.to_json().find("groups") == std::string::npos);
  const Network network("n", {3, 8, 8}, small_layers([](auto& l) {
                          conv_of(l[1]).out_channels = 6;
                          conv_of(l[1]).bias = true;
                          conv_of(l[1]).groups = 3;
                        }));
  CHECK(network.to_json().find(R"("padding":1,"bias":true,"groups":3})") != std::string::npos);
  CHECK(Network::from_json(network.to_json()) == network);
}

TEST_CASE("initial_parameters fit the network and depend on nothing but the seed") {
  const Network network = make_network("resnet-8", {3, 32, 32}, 10);
  const Parameters first = initial_parameters(network, 7);
  CHECK_NOTHROW(check_parameters(network, first));
  CHECK(first == initial_parameters(network, 7));
  CHECK(first != initial_parameters(network, 8));
  CHECK(first.at("bn/gamma") == std::vector<float>(64, 1.0F));
  CHECK(first.at("bn/running_mean") == std::vector<float>(64, 0.0F));
  CHECK(first.at("dense/bias") == std::vector<float>(10, 0.0F));
}

TEST_CASE("initial_parameters are normal with variance 2/fan-in") {
  const Network network = make_network("resnet-8", {3, 32, 32}, 10);
  const std::vector<float> weight = initial_parameters(network, 1).at("block3/unit1/conv1/weight");
  double mean = 0, square = 0, fourth = 0;
  for (const float w : weight) {
    const double z = w / std::sqrt(2.0 / (64 * 9));
    mean += z / static_cast<double>(weight.size());
    square += z * z / static_cast<double>(weight.size());
    fourth += z * z * z * z / static_cast<double>(weight.size());
  }
  // 36,864 values: the standard errors are 0.005, 0.007 and 0.05; the tolerances are four of them.
  CHECK(std::abs(mean) < 0.021);
  CHECK(std::abs(square - 1) < 0.03);
  CHECK(std::abs(fourth - 3) < 0.21);
}

TEST_CASE("check_parameters names what is missing, superfluous, of another size or not finite") {
  const Network network = small_network();
  const auto error = [&](const std::function<void(Parameters&)>& change) {
    Parameters parameters = initial_parameters(network, 1);
    change(parameters);
    try {
      check_parameters(network, parameters);
    } catch (const ShapeError& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(error([](Parameters&) {}) == "no error");
  CHECK(error([](Parameters& p) { p.erase("dense/bias"); }) == "network small: parameter dense/bias is missing");
  CHECK(error([](Parameters& p) { p["pool/weight"]; }) == "network small: pool/weight is not a parameter of it");
  CHECK(error([](Parameters& p) { p["conv1/weight"].pop_back(); }) ==
        "network small: parameter conv1/weight has 134 values, expected [5,3,3,3]");
  CHECK(error([](Parameters& p) { p["dense/bias"][2] = std::numeric_limits<float>::quiet_NaN(); }) ==
        "network small: parameter dense/bias holds a value that is not finite");
  CHECK(error([](Parameters& p) {
          p["dense/bias"][2] = std::numeric_limits<float>::infinity();
        }).ends_with("not finite"));
}

TEST_CASE("a network written as JSON and read again is the same") {
  CHECK(rc::check([] {
    const Network network = random_network();
    RC_ASSERT(Network::from_json(network.to_json()) == network);
  }));
  const Network resnet = make_network("resnet-20", {3, 32, 32}, 10);
  CHECK(Network::from_json(resnet.to_json()) == resnet);
}

TEST_CASE("JSON errors name the layer and the field") {
  const std::string conv_head = R"({"name":"c1","type":"conv","inputs":["input"],)";
  const auto c1 = [&](const std::string& rest) { return json_error(with_layers(conv_head + rest + "}", "c1")); };
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3)") == "no error");
  CHECK(c1(R"("kernel_h":3,"kernel_w":3)") == "layer 1 \"c1\": field out_channels: is missing");
  CHECK(c1(R"("out_channels":"4","kernel_h":3,"kernel_w":3)") ==
        "layer 1 \"c1\": field out_channels: expected an integer from 1 to 2147483647, got \"4\"");
  CHECK(c1(R"("out_channels":-4,"kernel_h":3,"kernel_w":3)").ends_with("got -4"));
  CHECK(c1(R"("out_channels":4.0,"kernel_h":3,"kernel_w":3)").ends_with("got 4.0"));
  CHECK(c1(R"("out_channels":18446744073709551615,"kernel_h":3,"kernel_w":3)").ends_with("got 18446744073709551615"));
  CHECK(c1(R"("out_channels":2147483648,"kernel_h":3,"kernel_w":3)").ends_with("got 2147483648"));
  CHECK(c1(R"("out_channels":4,"kernel_h":0,"kernel_w":3)").find("field kernel_h:") != std::string::npos);
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"padding":-1)").find("field padding:") != std::string::npos);
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"dilation":2)") ==
        "layer 1 \"c1\": field \"dilation\": is not known here");
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"bias":true)") == "no error");
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"bias":1)") ==
        "layer 1 \"c1\": field bias: expected true or false, got 1");
  CHECK(c1(R"("out_channels":6,"kernel_h":3,"kernel_w":3,"groups":3)") == "no error");
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"groups":0)").find("field groups:") != std::string::npos);
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"groups":3)") ==
        "layer list: conv c1: groups must divide the 4 output channels, got 3");
  CHECK(c1(R"("out_channels":4,"kernel_h":3,"kernel_w":3,"groups":2)") ==
        "layer list: conv c1: groups must divide the 3 input channels, got 2");
  CHECK(json_error(with_layers(R"({"name":"r","type":"relu","inputs":["input"],"stride":1})", "r")) ==
        "layer 1 \"r\": field \"stride\": is not known here");
  CHECK(json_error(with_layers(R"({"name":"r","type":"gelu","inputs":["input"]})", "r"))
            .starts_with("layer 1 \"r\": field type: \"gelu\" is not one of input, conv, "));
  CHECK(json_error(with_layers(R"({"name":"r","type":"relu","inputs":"input"})", "r")) ==
        "layer 1 \"r\": field inputs: expected a list, got \"input\"");
  CHECK(json_error(with_layers(R"({"type":"relu","inputs":["input"]})", "r")) == "layer 1: field name: is missing");
  CHECK(json_error(with_layers("7", "r")) == "layer 1: expected an object, got 7");
  CHECK(json_error(with_layers(R"({"name":"r","type":"relu","inputs":["x"]})", "r")) ==
        "layer list: relu r: input 'x' is not an earlier layer");
}

TEST_CASE("text that is no layer list is a file error") {
  CHECK(json_error("") == "layer list: not valid JSON");
  CHECK(json_error("resnet-20") == "layer list: not valid JSON");
  CHECK(json_error("[]") == "layer list: expected an object, got a list of 0");
  CHECK(json_error("{}") == "layer list: field name: is missing");
  CHECK(json_error(R"({"name":"x","input_shape":[3,8],"layers":[]})").find("field input_shape:") != std::string::npos);
  CHECK(json_error(R"({"name":"x","input_shape":[3,8,8],"layers":[]})") == "layer list: network has no layers");
  CHECK(json_error(R"({"name":"x","input_shape":[3,8,1e9],"layers":[]})").find("field input_shape:") !=
        std::string::npos);
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  CHECK(json_error(deep) == "layer list: expected an object, got a list of 1");
  CHECK(json_error(R"({"name":)" + deep + "}") == "layer list: field name: expected a string, got a list of 1");
  CHECK(json_error(std::string(1'000'000, '[')) == "layer list: not valid JSON");
}

TEST_CASE("the reference network computes a network worked out by hand") {
  // 1x1 convolution doubles, batch norm is 3 (x - 1) / 2 + 1, relu, add of the convolution, pool, dense.
  const Network network("hand", {1, 1, 2},
                        {input(), conv("c", "input", 1, 1), simple("bn", layers::BatchNorm{}, {"c"}),
                         simple("relu", layers::Relu{}, {"bn"}), simple("add", layers::Add{}, {"relu", "c"}),
                         simple("pool", layers::GlobalAveragePool{}, {"add"}), dense("pool", 2)});
  const float variance = 4 - batch_norm_epsilon;
  const Parameters parameters{{"c/weight", {2}},
                              {"bn/gamma", {3}},
                              {"bn/beta", {1}},
                              {"bn/running_mean", {1}},
                              {"bn/running_variance", {variance}},
                              {"dense/weight", {1, -2}},
                              {"dense/bias", {0.5F, 0.25F}}};
  check_parameters(network, parameters);
  // image (1, -1): c = (2, -2); bn = (2.5, -3.5); add = (4.5, -2); pool 1.25. The variance is rounded to float: 1e-6.
  const reference::Values logits = reference::forward(network, parameters, {1, -1});
  CHECK(logits[0] == doctest::Approx(1.75).epsilon(1e-6));
  CHECK(logits[1] == doctest::Approx(-2.25).epsilon(1e-6));
}

}  // namespace cascadecl
