#include "trainer/class_weights.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "data/loader.h"
#include "tests/support/temporary_folder.h"

namespace cascadecl {
namespace {

using Kind = ClassWeights::Kind;

const std::vector<std::int32_t> labels = {0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2};
const std::vector<std::string> names = {"cat", "baby carriage", "d\xC3\xB6g"};

double mean_over_images(const std::vector<float>& weights, const std::vector<std::int64_t>& fit) {
  double sum = 0;
  for (const std::int64_t i : fit)
    sum += static_cast<double>(weights[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])]);
  return sum / static_cast<double>(fit.size());
}

}  // namespace

TEST_CASE("balanced weights are images / (classes * images of the class), of the images trained on alone") {
  const std::vector<std::int64_t> fit = {0, 1, 2, 3, 6, 8, 9, 10};  // 4, 1 and 3 of 8
  const std::vector<float> weights = class_weights({Kind::balanced}, labels, fit, 3);
  REQUIRE(weights.size() == 3);
  CHECK(weights[0] == doctest::Approx(8.0 / (3 * 4)));
  CHECK(weights[1] == doctest::Approx(8.0 / (3 * 1)));
  CHECK(weights[2] == doctest::Approx(8.0 / (3 * 3)));
  CHECK(class_weights({}, labels, fit, 3).empty());
}

TEST_CASE("a class without an image to train on has weight 1 and does not count among the balanced ones") {
  const std::vector<std::int64_t> fit = {0, 1, 2, 6};  // 3, 1 and none of 4
  const std::vector<float> weights = class_weights({Kind::balanced}, labels, fit, 3);
  CHECK(weights[0] == doctest::Approx(4.0 / (2 * 3)));
  CHECK(weights[1] == doctest::Approx(4.0 / (2 * 1)));
  CHECK(weights[2] == 1);
}

TEST_CASE("of given weights only the proportions count: images have a mean weight of 1") {
  const std::vector<std::int64_t> fit = all_indices(11);
  const std::vector<float> weights = class_weights({Kind::given, {3, 1, 0.5}}, labels, fit, 3);
  CHECK(mean_over_images(weights, fit) == doctest::Approx(1));
  CHECK(weights[0] / weights[1] == doctest::Approx(3));
  CHECK(weights[2] / weights[1] == doctest::Approx(0.5));
  CHECK(class_weights({Kind::given, {0.1, 0.1, 0.1}}, labels, fit, 3) == std::vector<float>(3, 1.0F));
}

TEST_CASE("given weights that are not one for each class, or no positive numbers, are refused") {
  for (const std::vector<double>& wrong : std::vector<std::vector<double>>{{1, 1}, {1, 0, 1}, {1, -1, 1}, {1, 1, 2e6}})
    CHECK(contains(error_of<UsageError>([&] {
                     class_weights({Kind::given, wrong}, labels, all_indices(11), 3);
                   }),
                   "class weights: expected 3"));
}

TEST_CASE("a file of class weights names classes in any order, and others get 1") {
  const TemporaryFolder folder;
  const auto file = folder / "weights.txt";
  write_text(file, "d\xC3\xB6g\t0.25\r\n\n  baby  carriage 1e2\n");
  CHECK_THROWS_AS(read_class_weights(file, names), FileError);  // two spaces are not one
  write_text(file, "d\xC3\xB6g\t0.25\r\n\n  baby carriage   1e2");
  const ClassWeights weights = read_class_weights(file, names);
  CHECK(weights.kind == Kind::given);
  CHECK(weights.given == std::vector<double>{1, 100, 0.25});
}

TEST_CASE("a fault in a file of class weights is told with file, line and what was expected") {
  const TemporaryFolder folder;
  const auto file = folder / "weights.txt";
  const auto refusal = [&](const std::string& text) {
    write_text(file, text);
    return error_of<FileError>([&] { read_class_weights(file, names); });
  };
  CHECK(
      contains(refusal("cat 1\n\nbaby carriage"), "weights.txt: line 3: weight 'carriage', expected a number above 0"));
  CHECK(contains(refusal("cat"), "line 1: 'cat', expected NAME WEIGHT"));
  for (const char* wrong : {"0", "-1", "nan", "inf", "1e9", "1,5", "1x", "0x1"})
    CHECK(contains(refusal(std::string("cat ") + wrong), std::string("weight '") + wrong + "'"));
  CHECK(contains(refusal("cow 1"), "line 1: 'cow' is no class of the dataset, expected one like 'cat'"));
  CHECK(contains(refusal("cat 1\ncat 2"), "line 2: class 'cat' is given twice"));
  CHECK(contains(refusal("\n \n"), "names no class"));
  CHECK(contains(refusal(std::string(2 << 20, ' ')), "short text file"));
  CHECK(contains(error_of<FileError>([&] { read_class_weights(folder.path(), names); }), "short text file"));
  CHECK(contains(error_of<FileError>([&] { read_class_weights(folder / "none", names); }), "none: expected"));
}

}  // namespace cascadecl
