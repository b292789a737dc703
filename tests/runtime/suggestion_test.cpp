#include "runtime/suggestion.h"

#include <doctest/doctest.h>

#include <vector>

using namespace cascadecl;

TEST_CASE("the nearest word is suggested, and none that is far") {
  const std::vector<std::string> known = {"eval", "predict", "profile", "train", "--batch-size", "resnet-8"};
  CHECK(did_you_mean("evla", known) == "; did you mean 'eval'?");
  CHECK(did_you_mean("trian", known) == "; did you mean 'train'?");
  CHECK(did_you_mean("profle", known) == "; did you mean 'profile'?");
  CHECK(did_you_mean("--batchsize", known) == "; did you mean '--batch-size'?");
  CHECK(did_you_mean("--batch", known) == "; did you mean '--batch-size'?");  // its beginning
  CHECK(did_you_mean("resnet8", known) == "; did you mean 'resnet-8'?");
  CHECK(did_you_mean("serve", known) == "");
  CHECK(did_you_mean("", known) == "");
  CHECK(did_you_mean("eval", {}) == "");
}
