#include "cli/progress.h"

#include <doctest/doctest.h>

using namespace cascadecl;

TEST_CASE("a progress line keeps its numbers, however narrow the terminal") {
  const ProgressParts parts{"pretrain resnet-20 3/12", 0.5, "4,096/8,192  910 images/s  0:05 left", "loss 1.2345"};
  CHECK(progress_line(parts, 120) ==
        "pretrain resnet-20 3/12  [############------------]  4,096/8,192  910 images/s  0:05 left  loss 1.2345");
  CHECK(progress_line(parts, 90) ==
        "pretrain resnet-20 3/12  [####----]  4,096/8,192  910 images/s  0:05 left  loss 1.2345");
  CHECK(progress_line(parts, 80) == "pretrain resnet-20 3/12  [####----]  4,096/8,192  910 images/s  0:05 left");
  CHECK(progress_line(parts, 70) == "pretrain resnet-20 3/12  4,096/8,192  910 images/s  0:05 left");
  CHECK(progress_line(parts, 50) == "pretrain res  4,096/8,192  910 images/s  0:05 left");
  CHECK(progress_line(parts, 37) == parts.numbers);
  CHECK(progress_line(parts, 10) == parts.numbers.substr(0, 10));
}
