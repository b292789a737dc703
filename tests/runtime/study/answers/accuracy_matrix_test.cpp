#include "runtime/study/answers/accuracy_matrix.h"

#include <doctest/doctest.h>

#include "data/files/error.h"

namespace cascadecl {
namespace {

// Two stages, four images, two classes; the label of image n is n % 2. The first stage is right on images 0 and 1, the
// second one on 0, 2 and 3.
const StageProbabilities two_stages{
    2, 4, 2, {0.9F, 0.1F, 0.2F, 0.8F, 0.4F, 0.6F, 0.7F, 0.3F, 0.8F, 0.2F, 0.9F, 0.1F, 0.6F, 0.4F, 0.3F, 0.7F}};
const std::vector<std::int32_t> four_labels{0, 1, 0, 1};

TEST_CASE("the accuracy matrix holds every stage against the images of every exit") {
  const AccuracyMatrix matrix = accuracy_matrix(two_stages, std::vector<int>{0, 0, 1, 1}, four_labels);
  CHECK(matrix.images == std::vector<std::int64_t>{2, 2});
  CHECK(*matrix.top1[0][0] == 1);
  CHECK(*matrix.top1[0][1] == 0.5);
  CHECK(*matrix.top1[1][0] == 0);
  CHECK(*matrix.top1[1][1] == 1);
  CHECK(matrix.top1_of_all == std::vector<double>{0.5, 0.75});
}

TEST_CASE("the accuracy matrix is empty where no image left") {
  const AccuracyMatrix matrix = accuracy_matrix(two_stages, std::vector<int>{1, 1, 1, 1}, four_labels);
  CHECK(matrix.images == std::vector<std::int64_t>{0, 4});
  CHECK_FALSE(matrix.top1[0][0].has_value());
  CHECK(*matrix.top1[1][1] == 0.75);
  CHECK(matrix.top1_of_all == std::vector<double>{0.5, 0.75});
}

TEST_CASE("the accuracy matrix refuses exits and labels that do not fit") {
  CHECK_THROWS_AS(accuracy_matrix(two_stages, std::vector<int>{0, 0}, four_labels), ShapeError);
  CHECK_THROWS_AS(accuracy_matrix(two_stages, std::vector<int>{0, 0, 2, 1}, four_labels), UsageError);
  CHECK_THROWS_AS(accuracy_matrix(two_stages, std::vector<int>{0, 0, 1, 1}, std::vector<std::int32_t>{0, 1, 2, 0}),
                  UsageError);
}

}  // namespace
}  // namespace cascadecl
