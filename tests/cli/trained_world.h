#pragma once
#include <doctest/doctest.h>

#include <string>

#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {

// A small world whose model was trained there, so that it tells which images it did not see. It has learned policies of
// one price, and no frontier.
struct TrainedWorld : SmallWorld {
  TrainedWorld() {
    const Finished run = cascadecl_run({"train",
                                        "--data",
                                        data(),
                                        "--stages",
                                        "resnet-8,resnet-14",
                                        "-o",
                                        trained(),
                                        "--batch-size",
                                        "8",
                                        "--validation-share",
                                        "0.25",
                                        "--epochs",
                                        "1",
                                        "--phases",
                                        "pretrain,policy",
                                        "--policy-epochs",
                                        "1",
                                        "--alpha",
                                        "0.1",
                                        "--quiet"});
    REQUIRE(run.status == 0);
  }
  std::string trained() const { return path("trained.h5"); }
};

}  // namespace cascadecl::testing
