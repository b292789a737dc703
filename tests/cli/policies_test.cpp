#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/cli/process.h"
#include "tests/cli/trained_world.h"

namespace cascadecl::testing {
namespace {

TEST_CASE("policies compares all policies at the learned one's cost") {
  const SmallWorld world;
  const Finished run = cascadecl_run({"policies", world.model(), "--data", world.data(), "--json"});
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
  CHECK(cascadecl_run({"policies", world.model(), "--data", world.data()}).status == 0);
}

TEST_CASE("the oracle sees the labels of a dataset, and is refused where there are none") {
  const SmallWorld world;
  const std::vector<std::string> oracle = {"--policy", "oracle", "--json"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), oracle.begin(), oracle.end());
    return cascadecl_run(arguments);
  };
  const Finished eval = with({"eval", world.model(), "--data", world.data()});
  const Finished predict = with({"predict", world.model(), "--data", world.data(), "-o", world.path("o.h5")});
  CAPTURE(predict.err);
  REQUIRE(predict.status == 0);
  for (std::size_t k = 0; k < 2; ++k) CHECK(predict.json()["stopped"][k] == eval.json()["stages"][k]["stopped"]);
  CHECK(error_fault(with({"predict", world.model(), "a.png"}), 2, "--policy: oracle only with --data") == "");
}

TEST_CASE("policies follows precision, kernel class, batch size, combination and seed") {
  const SmallWorld world;
  const auto compare = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"policies", world.model(), "--data", world.data(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Finished run = cascadecl_run(arguments);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    return run.json();
  };
  const nlohmann::json plain = compare({}), again = compare({"--seed", "5"});
  const nlohmann::json other =
      compare({"--precision", "fp16", "--kernel-class", "reference", "--batch-size", "7", "--combine", "last"});
  CHECK(plain["precision"] == "fp32");
  CHECK(other["precision"] == "fp16 storage");
  CHECK(other["kernel_class"] == "reference");
  CHECK(other["batch_size"] == 7);
  CHECK(other["combine"] == "last");
  const auto drawn = [](const nlohmann::json& json) {
    for (const auto& policy : json["policies"])
      if (policy["policy"] == "random") return policy["parameter"];
    return nlohmann::json();
  };
  CHECK(drawn(plain).is_number());
  CHECK(drawn(plain) != drawn(again));  // of other numbers another threshold meets the same cost
}

TEST_CASE("policies runs the largest batch that fits") {
  const SmallWorld world;
  ::setenv("CASCADECL_MEMORY_LIMIT", "6300000", 1);
  const Finished run = cascadecl_run({"policies", world.model(), "--data", world.data(), "--json"});
  ::unsetenv("CASCADECL_MEMORY_LIMIT");
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.json()["batch_size"] < 128);
  CHECK(contains(run.err, "batches of"));
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
