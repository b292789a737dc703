#include "runtime/study/tradeoff/cascade_warnings.h"

#include <doctest/doctest.h>

namespace cascadecl {
namespace {

using Warnings = std::vector<std::string>;

TEST_CASE("a cascade that works has no warnings") {
  CHECK(cascade_warnings({{"small", 10, 1, 0.8}, {"large", 90, 0.2, 0.9}}, 28, 0.897).empty());
  CHECK(cascade_warnings({{"small", 10, 1, {}}, {"large", 90, 0.99, {}}}, 200, 0.1).empty());  // nothing is known
  CHECK(cascade_warnings({{"alone", 10, 1, 0.8}}, 10, 0.8).empty());
}

TEST_CASE("collapse, cost and lost accuracy are told with their numbers") {
  CHECK(cascade_warnings({{"a", 10, 1, {}}, {"b", 90, 0.004, {}}, {"c", 200, 0, {}}}, 10, 0.8) ==
        Warnings{"stage 1 (b) gets 0.4 % of the images: it is hardly used"});
  CHECK(cascade_warnings({{"a", 10, 1, {}}, {"b", 90, 0.995, {}}}, 100, 0.8) ==
        Warnings{"stage 1 (b) gets 99.5 % of the images: no stage before it stops them"});
  CHECK(cascade_warnings({{"a", 10, 1, 0.9}, {"b", 90, 0.5, 0.85}}, 55, 0.894) ==
        Warnings{"the cascade costs 55.00 million multiply-adds an image, a alone 10.00",
                 "the cascade answers 89.40 % right, a alone 90.00 %"});
}

}  // namespace
}  // namespace cascadecl
