#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/cli/process.h"
#include "tests/cli/trained_world.h"

namespace cascadecl::testing {
namespace {

TEST_CASE("eval compares all policies at the learned one's cost") {
  const SmallWorld world;
  const Finished run = cascadecl_run({"eval", world.model(), "--data", world.data(), "--policy", "all", "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  std::set<std::string> names;
  const nlohmann::json policies = run.json()["policies"];
  for (const auto& policy : policies) {
    names.insert(policy["policy"]);
    CHECK(policy["stopped"].size() == 2);
  }
  CHECK(names ==
        std::set<std::string>{"learned", "static", "confidence", "margin", "entropy", "agreement", "random", "oracle"});
  CHECK(cascadecl_run({"eval", world.model(), "--data", world.data(), "--policy", "all"}).status == 0);
  CHECK(error_fault(cascadecl_run({"predict", world.model(), "--data", world.data(), "-o", world.path("o.h5"),
                                   "--policy", "all"}),
                    2, "all") == "");
}

TEST_CASE("eval tells how right every stage is on the images that left at each stage") {
  const SmallWorld world;
  const Finished run = cascadecl_run({"eval", world.model(), "--data", world.data(), "--matrix", "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const nlohmann::json json = run.json();
  const nlohmann::json& exits = json["accuracy_matrix"]["exits"];
  REQUIRE(exits.size() == json["stages"].size());
  for (std::size_t stage = 0; stage < exits.size(); ++stage) {
    double right = 0;
    for (std::size_t exit = 0; exit < exits.size(); ++exit) {
      CHECK(exits[exit]["images"] == json["stages"][exit]["stopped"]);
      if (exits[exit]["images"] == 0) {
        CHECK(exits[exit]["top1"][stage].is_null());
      } else {
        right += exits[exit]["images"].get<double>() * exits[exit]["top1"][stage].get<double>();
      }
    }
    CHECK(right / json["images"].get<double>() == doctest::Approx(json["static"][stage]["top1"].get<double>()));
  }
  CHECK(exits[0]["diagonal_at_least_earlier"] == true);  // nothing comes before the first stage
  const Finished text = cascadecl_run({"eval", world.model(), "--data", world.data(), "--matrix"});
  CHECK(text.out.find("top-1 of each stage on the images that left at each stage") != std::string::npos);
}

TEST_CASE("eval tells each class's accuracy and cost, which add up to the whole") {
  const SmallWorld world;
  const Finished run =
      cascadecl_run({"eval", world.model(), "--data", world.data(), "--per-class", "--static", "--json"});
  REQUIRE(run.status == 0);
  const nlohmann::json json = run.json();
  REQUIRE(json["classes"].size() == 10);
  double correct = 0, mmac = 0, worst = 1;
  for (const auto& of : json["classes"]) {
    if (of["images"] == 0) continue;
    correct += of["images"].get<double>() * of["top1"].get<double>();
    mmac += of["images"].get<double>() * of["mmac_per_image"].get<double>();
    worst = std::min(worst, of["top1"].get<double>());
  }
  CHECK(correct / 30 == doctest::Approx(json["top1"].get<double>()));
  CHECK(mmac / 30 == doctest::Approx(json["mmac_per_image"].get<double>()));
  CHECK(json["worst_class"]["top1"] == worst);
  for (const auto& stage : json["static"]) CHECK(stage["ece"] >= 0);
}

}  // namespace
}  // namespace cascadecl::testing
