#include "runtime/cascade/model_file.h"

#include <doctest/doctest.h>
#include <hdf5.h>
#include <rapidcheck.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "data/files/error.h"
#include "runtime/cascade/named_arrays.h"
#include "runtime/network/zoo.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

namespace fs = std::filesystem;

// Two stages and a policy, small enough for many reads.
Model small_model() {
  return random_model({make_network("resnet-8", {3, 8, 8}, 4), make_network("wrn-10-0.5", {3, 8, 8}, 4)}, 1);
}

bool same(const Policy& a, const Policy& b) {
  return a.input == b.input && a.classes == b.classes && a.hidden == b.hidden && a.weight1 == b.weight1 &&
         a.bias1 == b.bias1 && a.weight2 == b.weight2 && a.bias2 == b.bias2 && a.weight3 == b.weight3 &&
         a.bias3 == b.bias3;
}

bool same(const Model& a, const Model& b) {
  if (a.stages.size() != b.stages.size() || a.policies.size() != b.policies.size()) return false;
  for (std::size_t i = 0; i < a.stages.size(); ++i)
    if (a.stages[i].network != b.stages[i].network || a.stages[i].parameters != b.stages[i].parameters) return false;
  for (std::size_t i = 0; i < a.policies.size(); ++i)
    if (!same(a.policies[i], b.policies[i])) return false;
  if (a.exit_functions.size() != b.exit_functions.size() || a.decision.has_value() != b.decision.has_value())
    return false;
  for (std::size_t i = 0; i < a.exit_functions.size(); ++i)
    if (!same(a.exit_functions[i], b.exit_functions[i])) return false;
  if (a.decision &&
      (a.decision->policy.kind != b.decision->policy.kind ||
       a.decision->policy.parameter != b.decision->policy.parameter || a.decision->combine != b.decision->combine))
    return false;
  if (a.temperatures != b.temperatures || a.combination != b.combination) return false;
  return a.classes == b.classes && a.input == b.input && a.mean == b.mean && a.std == b.std &&
         a.label_names == b.label_names && a.color_order == b.color_order && a.training == b.training;
}

// The same attribute of another value; written with the plain C interface, which allows what Hdf5Writer does not.
void set_attribute(hid_t file, const char* object, const char* name, hid_t type, std::vector<hsize_t> shape,
                   const void* values) {
  H5Adelete_by_name(file, object, name, H5P_DEFAULT);
  const hid_t space =
      shape.empty() ? H5Screate(H5S_SCALAR) : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t attribute = H5Acreate_by_name(file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(H5Awrite(attribute, type, values) >= 0);
  H5Aclose(attribute);
  H5Sclose(space);
}

void set_integer(hid_t file, const char* object, const char* name, std::int64_t value) {
  set_attribute(file, object, name, H5T_NATIVE_INT64, {}, &value);
}

void set_floats(hid_t file, const char* object, const char* name, const std::vector<float>& values) {
  set_attribute(file, object, name, H5T_NATIVE_FLOAT, {values.size()}, values.data());
}

void set_text(hid_t file, const char* object, const char* name, const std::string& value) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  const char* text = value.c_str();
  set_attribute(file, object, name, type, {}, &text);
  H5Tclose(type);
}

// Replaces a data set; without values nothing is ever stored for it, whatever size it claims.
void set_dataset(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& shape,
                 const void* values = nullptr) {
  H5Ldelete(file, name, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  REQUIRE(dataset >= 0);
  if (values) REQUIRE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
  H5Dclose(dataset);
  H5Sclose(space);
}

// What read_model says of a good file after `spoil`: the text after the file's name.
std::string error_after(const std::function<void(hid_t)>& spoil) {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.h5";
  write_model(path, small_model());
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  spoil(file);
  H5Fclose(file);
  try {
    read_model(path);
  } catch (const FileError& error) {
    const std::string text = error.what(), prefix = path.string() + ": ";
    CHECK(text.starts_with(prefix));
    CHECK(text.find('\n') == std::string::npos);
    return text.substr(std::min(prefix.size(), text.size()));
  }
  return "no error";
}

void check_contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  CHECK(text.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("what a calibration fitted is kept with the model, and a decision that makes no sense is refused") {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.h5";
  Model model = small_model();
  write_model(path, model);
  CHECK(same(read_model(path), model));
  model.exit_functions = model.policies;
  model.exit_functions[0].bias3[0] = 0.25F;
  model.temperatures = {1.5, 0.75};
  model.combination = {1, 0, 0.25, 0.875};
  model.decision = {{PolicyKind::entropy, 0.1}, Combine::fitted};
  write_model(path, model);
  CHECK(same(read_model(path), model));

  const auto refused = [&](const Model& bad) {
    CHECK_THROWS_AS(write_model(folder / "bad.h5", bad), ShapeError);
    CHECK_FALSE(fs::exists(folder / "bad.h5"));
  };
  Model bad = model;
  bad.temperatures = {1, 0};
  refused(bad);
  bad = model;
  bad.combination.pop_back();
  refused(bad);
  bad = model;
  bad.decision->policy.parameter = std::numeric_limits<double>::infinity();
  refused(bad);

  for (const char* policy : {"luck", "sample", "oracle"}) {  // the last two have no parameter to keep
    CAPTURE(policy);
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    set_text(file, "/", "decision_policy", policy);
    H5Fclose(file);
    CHECK_THROWS_AS(read_model(path), FileError);
  }
}

TEST_CASE("a frontier is kept with the model, and one that does not fit it is refused") {
  const TemporaryFolder folder;
  const fs::path path = folder / "model.h5";
  Model model = small_model();
  model.combination = {1, 0, 0.25, 0.875};
  Frontier& frontier = model.frontier;
  frontier = {.images = 500, .stage_top1 = {0.5, 0.75}, .policies = {model.policies}};
  frontier.policies[0][0].bias3[0] = 0.25F;
  frontier.points = {
      {.policy = {PolicyKind::fixed, 0.0}, .top1 = 0.5, .exits = {1, 0}},
      {.policy = {PolicyKind::margin, 1.0 / 3}, .combine = Combine::fitted, .top1 = 0.6, .exits = {0.75, 0.25}},
      {.policy = {PolicyKind::learned, 0.625},
       .combine = Combine::fitted,
       .set = 0,
       .alpha = 0.02,
       .top1 = 0.7,
       .exits = {0.25, 0.75}}};
  write_model(path, model);
  const Frontier read = read_model(path).frontier;
  CHECK(read.images == 500);
  CHECK(read.stage_top1 == frontier.stage_top1);
  REQUIRE(read.policies.size() == 1);
  CHECK(read.policies[0][0].bias3 == frontier.policies[0][0].bias3);
  REQUIRE(read.points.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(to_string(read.points[i].policy) == to_string(frontier.points[i].policy));
    CHECK(read.points[i].combine == frontier.points[i].combine);
    CHECK(read.points[i].set == frontier.points[i].set);
    CHECK(read.points[i].alpha == frontier.points[i].alpha);
    CHECK(read.points[i].top1 == frontier.points[i].top1);
    CHECK(read.points[i].exits == frontier.points[i].exits);
  }
  const Model at = at_point(model, model.frontier.points[2]);
  CHECK(at.policies[0].bias3 == frontier.policies[0][0].bias3);
  CHECK(to_string(at.decision->policy) == "learned:0.625");

  const auto refused = [&](const std::function<void(Frontier&)>& spoil) {
    Model bad = model;
    spoil(bad.frontier);
    CHECK_THROWS_AS(write_model(folder / "bad.h5", bad), ShapeError);
  };
  refused([](Frontier& f) { f.stage_top1.pop_back(); });
  refused([](Frontier& f) { f.points[1].exits = {0.5, 0.25}; });
  refused([](Frontier& f) { f.points[1].exits = {1.5, -0.5}; });
  refused([](Frontier& f) { f.points[2].set = 1; });
  refused([](Frontier& f) { f.points[2].set.reset(); });
  refused([](Frontier& f) { f.points[0].policy.parameter = 2; });
  refused([](Frontier& f) { f.points[1].policy = {PolicyKind::oracle, 1}; });
  refused([](Frontier& f) { f.points[1].top1 = 1.5; });
  refused([](Frontier& f) { f.policies[0].clear(); });
}

TEST_CASE("a model written and read again is the same") {
  CHECK(rc::check([] {
    const TemporaryFolder folder;
    const ImageShape image{*rc::gen::inRange(1, 5), *rc::gen::inRange(1, 10), *rc::gen::inRange(1, 10)};
    const int classes = *rc::gen::inRange(2, 12);
    std::vector<Network> networks;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      networks.push_back(make_network(*rc::gen::element<std::string>("resnet-8", "wrn-10-0.25"), image, classes));
    const auto input = *rc::gen::element(PolicyInput::raw, PolicyInput::sorted, PolicyInput::permuted,
                                         PolicyInput::features, PolicyInput::combined);
    Model model = random_model(networks, *rc::gen::arbitrary<std::uint64_t>(), input, *rc::gen::inRange(1, 9));
    if (*rc::gen::arbitrary<bool>()) model.training.clear();
    if (*rc::gen::arbitrary<bool>()) model.label_names.clear();
    model.color_order = *rc::gen::element<std::string>("", "RGB", "BGR", "gray", "none");
    write_model(folder / "m.h5", model);
    RC_ASSERT(same(read_model(folder / "m.h5"), model));
  }));
}

TEST_CASE("the order of colours of a file that does not tell is that of its training, else RGB or gray") {
  const TemporaryFolder folder;
  Model model = small_model();
  const auto written = [&](const std::string& training) {
    model.training = training;
    write_model(folder / "m.h5", model);
    return read_model(folder / "m.h5");
  };
  CHECK(color_order(written("")) == "RGB");
  CHECK(color_order(written(R"({"settings": {"color_order": "BGR"}})")) == "BGR");
  for (const char* foreign : {R"({"settings": {"color_order": "red"}})", R"({"settings": {"color_order": 7}})", "[1]"})
    CHECK(written(foreign).color_order.empty());
  model.input = {1, 8, 8};
  CHECK(color_order(model) == "gray");
  model.input = {2, 8, 8};
  CHECK(color_order(model) == "none");
}

TEST_CASE("a network that is not of the zoo is stored as its layer list") {
  const TemporaryFolder folder;
  std::vector<Layer> list = make_network("resnet-110", {3, 8, 8}, 4).layers();
  std::get<layers::Convolution>(list[1].attributes).window = {5, 5, 1, 2};
  const Model model = random_model({Network("resnet-110", {3, 8, 8}, list)}, 2);
  write_model(folder / "m.h5", model);
  CHECK(same(read_model(folder / "m.h5"), model));
}

TEST_CASE("a model with 1000 classes and a history of a megabyte keeps its names and history") {
  const TemporaryFolder folder;
  Model model = random_model({make_network("wrn-10-0.25", {3, 4, 4}, 1000)}, 3);
  model.training = "\"" + std::string(1'000'000, 'x') + "\"";
  write_model(folder / "m.h5", model);
  CHECK(same(read_model(folder / "m.h5"), model));
}

TEST_CASE("stage_macs counts the network and its policy, and no policy on the last stage") {
  const Model model = random_model(
      {make_network("resnet-8", {3, 32, 32}, 10), make_network("resnet-20", {3, 32, 32}, 10)}, 4, PolicyInput::raw, 64);
  CHECK(model.stage_macs(0) == 14'860'288 + 640 + 64 * (10 + 64 + 2));
  CHECK(model.stage_macs(1) == 43'171'840 + 640);
  const Model seeing =
      random_model({make_network("resnet-8", {3, 32, 32}, 10), make_network("resnet-20", {3, 32, 32}, 10)}, 4,
                   PolicyInput::features, 64);
  CHECK(seeing.stage_macs(0) == 14'860'288 + 640 + 64 * (10 + 64 + 64 + 2));
}

TEST_CASE("write_model refuses a model whose parts do not fit and leaves no file") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::function<void(Model&)>& spoil) {
    Model model = small_model();
    spoil(model);
    CHECK_THROWS_AS(write_model(folder / "m.h5", model), ShapeError);
    CHECK(!fs::exists(folder / "m.h5"));
  };
  refused([](Model& m) { m.policies.clear(); });
  refused([](Model& m) { m.classes = 5; });
  refused([](Model& m) { m.input.height = 9; });
  refused([](Model& m) { m.stages.clear(); });
  refused([](Model& m) { m.std[1] = 0; });
  refused([](Model& m) { m.mean.pop_back(); });
  refused([](Model& m) { m.label_names.pop_back(); });
  refused([](Model& m) { m.policies[0].weight2.pop_back(); });
  refused([](Model& m) { m.policies[0].bias3[0] = std::numeric_limits<float>::quiet_NaN(); });
  refused([](Model& m) { m.stages[0].parameters.erase("dense/bias"); });
  CHECK(fs::is_empty(folder / ""));
}

TEST_CASE("a file with wrong root attributes is refused, naming the attribute") {
  CHECK(error_after([](hid_t) {}) == "no error");
  check_contains(error_after([](hid_t f) { set_integer(f, "/", "format_version", 2); }), "format_version is 2");
  check_contains(error_after([](hid_t f) { H5Adelete(f, "format_version"); }), "format_version");
  check_contains(error_after([](hid_t f) { set_text(f, "/", "classes", "4"); }), "classes");
  check_contains(error_after([](hid_t f) { set_integer(f, "/", "classes", -4); }), "classes is -4");
  check_contains(error_after([](hid_t f) { set_integer(f, "/", "classes", std::int64_t{1} << 40); }), "classes");
  check_contains(error_after([](hid_t f) { set_integer(f, "/", "input_shape", 3); }), "input_shape");
  check_contains(error_after([](hid_t f) {
                   const std::int64_t shape[] = {3, 0, 8};
                   set_attribute(f, "/", "input_shape", H5T_NATIVE_INT64, {3}, shape);
                 }),
                 "input_shape");
  check_contains(error_after([](hid_t f) { set_floats(f, "/", "mean", {0.5F}); }), "mean");
  check_contains(error_after([](hid_t f) { set_floats(f, "/", "std", {0.5F, 0.0F, 0.5F}); }), "std");
  check_contains(error_after([](hid_t f) { set_floats(f, "/", "std", {0.5F, -1.0F, 0.5F}); }), "std");
  check_contains(error_after([](hid_t f) {
                   set_floats(f, "/", "mean", {0.5F, std::numeric_limits<float>::infinity(), 0.5F});
                 }),
                 "mean");
  check_contains(error_after([](hid_t f) { set_text(f, "/", "label_names", "cat"); }), "label names");
  check_contains(error_after([](hid_t f) { set_text(f, "/", "color_order", "red first"); }),
                 "color_order is 'red first', expected RGB, BGR, gray or none");
}

TEST_CASE("a file whose stages disagree with the model is refused, naming the stage") {
  check_contains(error_after([](hid_t f) { set_integer(f, "/", "classes", 5); }), "/stages/0/weights/dense/bias");
  check_contains(error_after([](hid_t f) { set_text(f, "/stages/1", "network", "resnet-9"); }),
                 "/stages/1: attribute network: unknown network 'resnet-9'");
  check_contains(error_after([](hid_t f) { set_text(f, "/stages/1", "network", std::string(100'000, 'x')); }),
                 "neither a known name nor a layer list");
  check_contains(error_after([](hid_t f) { set_text(f, "/stages/1", "network", "{}"); }),
                 "/stages/1: attribute network: layer list: field name: is missing");
  check_contains(error_after([](hid_t f) {
                   set_text(f, "/stages/1", "network", make_network("resnet-8", {3, 8, 8}, 7).to_json());
                 }),
                 "/stages/1: network resnet-8 has 7 classes, the model has 4");
  check_contains(error_after([](hid_t f) {
                   set_text(f, "/stages/1", "network", make_network("resnet-8", {3, 9, 8}, 4).to_json());
                 }),
                 "takes images [3,9,8], the model [3,8,8]");
  check_contains(error_after([](hid_t f) { set_text(f, "/stages/0", "network", "resnet-14"); }), "block1/unit2");
  check_contains(error_after([](hid_t f) { set_text(f, "/stages/0", "network", "wrn-40-8"); }),
                 "more than the whole file can hold");
  check_contains(error_after([](hid_t f) { H5Ldelete(f, "/stages/0", H5P_DEFAULT); }), "none named 0");
  check_contains(error_after([](hid_t f) { H5Ldelete(f, "/stages/1", H5P_DEFAULT); }), "/policies: holds 1 policies");
  check_contains(error_after([](hid_t f) { H5Ldelete(f, "/policies", H5P_DEFAULT); }), "/policies: holds 0 policies");
  check_contains(error_after([](hid_t f) { H5Ldelete(f, "/stages", H5P_DEFAULT); }), "/stages");
}

TEST_CASE("missing, foreign or spoiled weights are refused, naming the data set") {
  const char* weight = "/stages/0/weights/block1/unit1/conv1/weight";
  const char* bias = "/stages/1/weights/dense/bias";
  const auto expect = [](const char* name, const std::function<void(hid_t)>& spoil, const std::string& problem) {
    const std::string error = error_after(spoil);
    check_contains(error, std::string(name) + ": ");
    check_contains(error, problem);
  };
  expect(
      weight, [&](hid_t f) { H5Ldelete(f, weight, H5P_DEFAULT); }, "");
  expect(
      weight,
      [&](hid_t f) {
        set_dataset(f, weight, H5T_NATIVE_FLOAT, {16, 16, 9}, nullptr);
      },
      "");
  expect(
      weight,
      [&](hid_t f) {
        set_dataset(f, weight, H5T_NATIVE_FLOAT, {16, 16, 3, 3}, nullptr);
      },
      "");
  expect(
      weight,
      [&](hid_t f) {
        set_dataset(f, weight, H5T_NATIVE_FLOAT, {1u << 20, 1u << 20, 3, 3}, nullptr);
      },
      "");
  const std::vector<std::int32_t> integers(4, 1);
  expect(
      bias, [&](hid_t f) { set_dataset(f, bias, H5T_NATIVE_INT32, {4}, integers.data()); }, "int32");
  const std::vector<float> five(5, 1.0F);
  expect(
      bias, [&](hid_t f) { set_dataset(f, bias, H5T_NATIVE_FLOAT, {5}, five.data()); }, "[5]");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const std::vector<float> values{0, 0, bad, 0};
    expect(
        bias, [&](hid_t f) { set_dataset(f, bias, H5T_NATIVE_FLOAT, {4}, values.data()); }, "value 2 is ");
  }
  const std::vector<double> too_large(4, 1e300);  // infinite as float
  expect(
      bias, [&](hid_t f) { set_dataset(f, bias, H5T_NATIVE_DOUBLE, {4}, too_large.data()); }, "inf");
  const std::vector<float> negative(64, -1.0F);
  check_contains(error_after([&](hid_t f) {
                   set_dataset(f, "/stages/0/weights/bn/running_variance", H5T_NATIVE_FLOAT, {64}, negative.data());
                 }),
                 "bn/running_variance holds a negative value");
  expect(
      "/stages/1/weights/dense/extra",
      [&](hid_t f) { set_dataset(f, "/stages/1/weights/dense/extra", H5T_NATIVE_FLOAT, {4}, five.data()); },
      "does not belong here");
}

TEST_CASE("a weight that is a link or a group in a circle is refused") {
  const char* bias = "/stages/1/weights/dense/bias";
  check_contains(error_after([&](hid_t f) {
                   H5Ldelete(f, bias, H5P_DEFAULT);
                   H5Lcreate_soft("/stages/0/weights/dense/bias", f, bias, H5P_DEFAULT, H5P_DEFAULT);
                 }),
                 bias);
  check_contains(error_after([&](hid_t f) {
                   H5Ldelete(f, bias, H5P_DEFAULT);
                   H5Lcreate_external("/etc/passwd", "/", f, bias, H5P_DEFAULT, H5P_DEFAULT);
                 }),
                 bias);
  check_contains(error_after([&](hid_t f) {
                   H5Lcreate_hard(f, "/stages/1", f, "/stages/1/weights/dense/circle", H5P_DEFAULT, H5P_DEFAULT);
                 }),
                 "circle: does not belong here");
}

TEST_CASE("a spoiled policy is refused, naming it") {
  check_contains(
      error_after([](hid_t f) { set_text(f, "/policies/0", "input", "shuffled"); }),
      "/policies/0: attribute input: policy input 'shuffled': expected raw, sorted, permuted, features or combined");
  check_contains(error_after([](hid_t f) { set_integer(f, "/policies/0", "hidden", 0); }), "attribute hidden is 0");
  check_contains(error_after([](hid_t f) { set_integer(f, "/policies/0", "hidden", 1 << 20); }), "/policies/0/");
  check_contains(error_after([](hid_t f) { set_integer(f, "/policies/0", "hidden", 9); }), "/policies/0/bias1");
  check_contains(error_after([](hid_t f) { H5Ldelete(f, "/policies/0/weight3", H5P_DEFAULT); }), "/policies/0/weight3");
}

TEST_CASE("a training record that is not JSON text, or nests without end, is refused") {
  const std::string text = "{\"seed\": ", deep = std::string(200, '[') + std::string(200, ']');
  check_contains(
      error_after([&](hid_t f) { set_dataset(f, "/training", H5T_NATIVE_UINT8, {text.size()}, text.data()); }),
      "/training: is not JSON");
  check_contains(
      error_after([&](hid_t f) { set_dataset(f, "/training", H5T_NATIVE_UINT8, {deep.size()}, deep.data()); }),
      "/training: lists and objects lie");
  check_contains(error_after([&](hid_t f) { set_dataset(f, "/training", H5T_NATIVE_UINT8, {std::uint64_t{1} << 40}); }),
                 "/training: is 1099511627776 bytes long");
}

TEST_CASE("a file cut off anywhere is refused, never half read") {
  const TemporaryFolder folder;
  write_model(folder / "whole.h5", small_model());
  std::ifstream in(folder / "whole.h5", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (std::size_t part = 0; part < 16; ++part) {
    CAPTURE(part);
    std::ofstream(folder / "cut.h5", std::ios::binary) << bytes.substr(0, bytes.size() * part / 16);
    CHECK_THROWS_AS(read_model(folder / "cut.h5"), FileError);
  }
  CHECK_THROWS_AS(read_model(folder / "missing.h5"), FileError);
}

TEST_CASE("a file with flipped bytes is read or refused, nothing else") {
  const TemporaryFolder folder;
  write_model(folder / "whole.h5", small_model());
  std::ifstream in(folder / "whole.h5", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  int refused = 0;
  for (std::size_t round = 0; round < 200; ++round) {
    std::string spoiled = bytes;
    // Mostly the first 8 KiB, where the structure is.
    const std::size_t place = round * 2654435761u % (round % 4 ? 8192 : bytes.size());
    spoiled[place] = static_cast<char>(spoiled[place] ^ (1 << round % 8));
    std::ofstream(folder / "spoiled.h5", std::ios::binary) << spoiled;
    try {
      const Model model = read_model(folder / "spoiled.h5");
      CHECK(model.stages.size() == 2);
    } catch (const FileError&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("a checkpoint's further groups do not disturb reading the model") {
  const TemporaryFolder folder;
  const Model model = small_model();
  const ParameterShapes shapes = trained_parameter_shapes(model.stages[0].network);
  {
    Hdf5Writer file(folder / "c.h5");
    write_model(file, model);
    write_arrays(file, "/checkpoint/momentum/0", shapes, model.stages[0].parameters);
    file.write_attribute("/checkpoint", "epoch", 3);
    file.commit();
  }
  CHECK(same(read_model(folder / "c.h5"), model));
  const Parameters momentum = read_arrays(Hdf5Reader(folder / "c.h5"), "/checkpoint/momentum/0", shapes);
  CHECK(momentum.size() == shapes.size());
  for (const auto& [key, values] : momentum) CHECK(values == model.stages[0].parameters.at(key));
}

}  // namespace cascadecl
