#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cli/report/confusion_section.h"
#include "cli/report/examples.h"
#include "cli/report/page.h"
#include "cli/report/png_data_uri.h"
#include "cli/report/training_section.h"
#include "data/files/error.h"
#include "runtime/cascade/model_file.h"
#include "tests/cli/fixtures.h"
#include "tests/cli/process.h"

namespace cascadecl::testing {
namespace {

using nlohmann::json;

// The report inside a page.
json report_of(const std::string& path) {
  const std::string page = read_text(path), start = "<script type=\"application/json\" id=\"data\">";
  const std::size_t at = page.find(start) + start.size();
  return json::parse(page.substr(at, page.find("</script>", at) - at));
}

const char* const sweep_text = R"({"format": "cascadecl-sweep", "format_version": 1, "images": 30,
  "stages": [{"network": "resnet-8", "mmac": 10, "top1": 0.5, "ms_per_image": 1},
             {"network": "resnet-14", "mmac": 20, "top1": 0.7, "ms_per_image": 2}],
  "points": [{"policy": "learned", "alpha": 0.1, "seed": 1, "frozen": false, "top1": 0.7, "mmac_per_image": 12,
              "mac_fraction": 0.6, "ms_per_image": 1.3, "mj_per_image": null, "stopped": [20, 10]},
             {"policy": "margin", "parameter": 0.5, "top1": 0.6, "mmac_per_image": 11, "mac_fraction": 0.55}],
  "energy_reason": "no counter here"})";

TEST_CASE("report runs a model: its matrix, calibration, examples and costs belong together") {
  const SmallWorld world;
  const std::string page = world.path("r.html");
  const Finished run =
      cascadecl_run({"report", world.model(), "--data", world.data(), "-o", page, "--policy", "sample", "--json"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  CHECK(run.err.empty());
  CHECK(run.json()["models"] == 1);
  CHECK(run.json()["bytes"] == std::filesystem::file_size(page));
  const json report = report_of(page), model = report["models"][0], measured = model["run"];
  CHECK(measured["result"]["images"] == 30);
  int images = 0;
  double right = 0;
  for (const json& exit : measured["matrix"]["exits"]) {
    images += exit["images"].get<int>();
    if (exit["images"] > 0) right += exit["answered"].get<double>() * exit["images"].get<double>();
  }
  CHECK(images == 30);
  CHECK(right / 30 == doctest::Approx(measured["result"]["top1"].get<double>()));
  for (std::size_t k = 0; k < 2; ++k) {
    const json stage = measured["calibration"][k];
    int binned = 0;
    for (const json& bin : stage["bins"]) binned += bin["images"].get<int>();
    CHECK(binned == 30);
    CHECK(stage["top1"].get<double>() == doctest::Approx(measured["matrix"]["all"][k].get<double>()));
    CHECK(report["costs"]["points"][k]["top1"]["mean"].get<double>() ==
          doctest::Approx(measured["matrix"]["all"][k].get<double>()));
    for (const json& example : measured["examples"][k]) {
      CHECK(example["stages"].size() == k + 1);
      CHECK(example["png"].get<std::string>().starts_with("data:image/png;base64,iVBORw0KGgo"));
    }
    CHECK_FALSE(measured["examples"][k].empty());
  }
  CHECK(report["costs"]["points"][2]["series"] == "sample");
  int counted = 0, answered_right = 0;
  const json& counts = measured["confusion"]["counts"];
  for (std::size_t label = 0; label < 10; ++label) {
    for (std::size_t answer = 0; answer < 10; ++answer) counted += counts[label][answer].get<int>();
    answered_right += counts[label][label].get<int>();
  }
  CHECK(counted == 30);
  CHECK(answered_right / 30.0 == doctest::Approx(measured["result"]["top1"].get<double>()));
  CHECK(model["frontier"].is_null());
  CHECK(report["command"].get<std::string>().starts_with("cascadecl report "));
}

TEST_CASE("report shows the policy that it was asked for, as eval measures it") {
  const SmallWorld world;
  Model decided = small_model();
  decided.decision = {{PolicyKind::margin, 0.02}, Combine::last};
  write_model(world.path("decided.h5"), decided);
  const auto run = [&](const std::string& command, std::vector<std::string> flags) {
    flags.insert(flags.begin(), {command, world.path("decided.h5"), "--data", world.data(), "--json"});
    if (command == "report") flags.insert(flags.end(), {"-o", world.path("r.html")});
    const Finished finished = cascadecl_run(flags);
    CAPTURE(finished.err);
    REQUIRE(finished.status == 0);
    return finished.json();
  };
  const std::vector<std::vector<std::string>> choices = {{},
                                                         {"--policy", "confidence:0.15"},
                                                         {"--policy", "oracle"},
                                                         {"--policy", "static:0"},
                                                         {"--policy", "learned:0.4"},
                                                         {"--combine", "reweight"}};
  for (const auto& flags : choices) {
    const json eval = run("eval", flags);
    run("report", flags);
    const json report = report_of(world.path("r.html")), told = report["models"][0]["run"];
    CAPTURE(told["policy"].dump());
    CHECK(told["policy"] == eval["policy"]);
    CHECK(told["result"]["top1"] == eval["top1"]);
    CHECK(told["result"]["mmac_per_image"] == eval["mmac_per_image"]);
    for (std::size_t k = 0; k < eval["stages"].size(); ++k)
      CHECK(told["matrix"]["exits"][k]["images"] == eval["stages"][k]["stopped"]);
    const json& point = report["costs"]["points"].back();
    CHECK(point["policy"] == eval["policy"]["name"]);
  }
  run("report", {"--policy", "confidence:0.15"});
  const json report = report_of(world.path("r.html")), point = report["costs"]["points"].back();
  CHECK(point["series"] == "confidence");
  CHECK(point["setting"] == "0.15");
  CHECK(report["models"][0]["run"]["decision"] == "policy confidence:0.15, combine reweight");
}

TEST_CASE("report --precision fp16 shows the label probabilities of that precision") {
  const SmallWorld world;
  const auto calibration = [&](const std::string& precision) {
    REQUIRE(cascadecl_run(
                {"report", world.model(), "--data", world.data(), "-o", world.path("r.html"), "--precision", precision})
                .status == 0);
    return report_of(world.path("r.html"))["models"][0]["run"]["calibration"];
  };
  CHECK(calibration("fp16") != calibration("fp32"));
}

TEST_CASE("report refuses data that it would run nothing on") {
  const SmallWorld world;
  write_text(world.folder / "s.json", sweep_text);
  const Finished run =
      cascadecl_run({"report", world.path("s.json"), "--data", world.data(), "-o", world.path("r.html")});
  CHECK(error_fault(run, 2, "--data: only with a MODEL") == "");
}

TEST_CASE("report on a sweep groups its points and needs no device") {
  const SmallWorld world;
  write_text(world.folder / "s.json", sweep_text);
  const Finished run = cascadecl_run({"report", world.path("s.json"), "-o", world.path("r.html"), "--title", "A & B"});
  CAPTURE(run.err);
  REQUIRE(run.status == 0);
  const json report = report_of(world.path("r.html")), points = report["costs"]["points"];
  REQUIRE(points.size() == 4);  // each stage alone, Ours, margin
  CHECK(points[0]["setting"] == "resnet-8");
  CHECK(points[2]["series"] == "Ours");
  CHECK(points[3]["ms"].is_null());
  CHECK(report["costs"]["sources"][0]["energy_reason"] == "no counter here");
  const json rows = report["costs"]["table2"];
  REQUIRE(rows.size() == 3);  // networks alone and the cascade
  CHECK(rows[0]["network"] == "resnet-8");
  CHECK(rows.back()["network"] == "Ours, alpha 0.1");
  CHECK(rows.back()["top1"]["mean"] == 0.7);
  CHECK(rows.back()["relative"] == doctest::Approx(0.6));
  CHECK(contains(read_text(world.path("r.html")), "<title>A &amp; B</title>"));
}

TEST_CASE("report without data describes a model and runs nothing") {
  const SmallWorld world;
  REQUIRE(cascadecl_run({"report", world.model(), "-o", world.path("r.html")}).status == 0);
  const json model = report_of(world.path("r.html"))["models"][0];
  CHECK(model["run"].is_null());
  CHECK(model["stages"][0]["network"] == "resnet-8");
}

TEST_CASE("report shows a model's frontier, marks what ran, and warns of a collapsed cascade") {
  const SmallWorld world;
  Model model = small_model();
  model.frontier = {.images = 500, .stage_top1 = {0.5, 0.75}, .policies = {model.policies}};
  model.frontier.points = {
      {.policy = {PolicyKind::margin, 0.0}, .combine = Combine::last, .top1 = 0.5, .exits = {1, 0}},
      {.policy = {PolicyKind::margin, 0.5}, .combine = Combine::last, .top1 = 0.74, .exits = {0.5, 0.5}}};
  model.decision = Decision{{PolicyKind::margin, 0.0}, Combine::last};
  write_model(world.path("f.h5"), model);
  const auto told = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"report", world.path("f.h5"), "-o", world.path("r.html")});
    const Finished run = cascadecl_run(flags);
    CAPTURE(run.err);
    REQUIRE(run.status == 0);
    return report_of(world.path("r.html"))["models"][0];
  };
  const auto chosen = [](const json& report) {
    std::vector<bool> marks;
    for (const json& point : report["frontier"]["points"]) marks.push_back(point["chosen"]);
    return marks;
  };
  const json described = told({});
  CHECK(described["frontier"]["networks"] == json{"resnet-8", "resnet-14"});
  CHECK(described["frontier"]["stage_mmac"][1] == described["stages"][1]["mmac"]);
  CHECK(chosen(described) == std::vector<bool>{true, false});
  REQUIRE(described["warnings"].size() == 2);  // the last stage is hardly used; 25 points lost
  CHECK(contains(described["warnings"][0].get<std::string>(), "resnet-14"));
  const json ran = told({"--data", world.data()});
  CHECK(ran["warnings"] == described["warnings"]);
  CHECK(contains(ran["run"]["warnings"][0].get<std::string>(), "stage 1 (resnet-14) gets 0.0 % of the images"));
  CHECK(chosen(told({"--data", world.data(), "--target-drop", "2"})) == std::vector<bool>{false, true});
  const json alone = told({"--data", world.data(), "--policy", "static:1"});
  CHECK(chosen(alone) == std::vector<bool>{false, false});
  CHECK(alone["frontier"]["networks"].size() == 2);
  CHECK(alone["warnings"].empty());
}

TEST_CASE("confusions of few classes are a table, of many the most frequent ones") {
  const std::vector<int> answers{1, 1, 0, 2, 2}, few{0, 0, 0, 1, 2};
  const std::vector<std::int32_t> labels(few.begin(), few.end());
  const auto three = confusion_json(answers, labels, 3);
  CHECK(three["counts"] == json{{1, 2, 0}, {0, 0, 1}, {0, 0, 1}});
  CHECK(three["classes"][2]["precision"] == 0.5);
  CHECK(three["classes"][1]["recall"] == 0.0);
  const auto many = confusion_json(answers, labels, 100);
  CHECK(many["counts"].is_null());
  REQUIRE(many["largest"].size() == 2);
  CHECK(many["largest"][0].dump() == R"({"label":0,"answer":1,"images":2})");
  CHECK(many["classes"][99]["recall"].is_null());
}

TEST_CASE("models of the same stages share one source of points") {
  const SmallWorld world;
  Model other = small_model();
  other.training = R"({"settings": {"alpha": 0.5, "seed": 3, "phases": ["pretrain", "joint"]}})";
  write_model(world.path("other.h5"), other);
  REQUIRE(cascadecl_run(
              {"report", world.model(), world.path("other.h5"), "--data", world.data(), "-o", world.path("r.html")})
              .status == 0);
  const json costs = report_of(world.path("r.html"))["costs"];
  CHECK(costs["sources"].size() == 1);
  REQUIRE(costs["points"].size() == 4);
  CHECK(costs["points"][3]["series"] == "Ours");
  CHECK(costs["points"][3]["setting"] == "alpha 0.5");
  CHECK(costs["table2"].size() == 4);  // each stage once
}

TEST_CASE("report names the temperatures of a calibrated model, and unknown ones as such") {
  const SmallWorld world;
  const auto calibration = [&](const std::string& model) {
    REQUIRE(cascadecl_run({"report", model, "--data", world.data(), "-o", world.path("r.html")}).status == 0);
    return report_of(world.path("r.html"))["models"][0]["run"]["calibration"];
  };
  Model calibrated = small_model();
  calibrated.temperatures = {1.5, 0.75};
  write_model(world.path("calibrated.h5"), calibrated);
  const json told = calibration(world.path("calibrated.h5"));
  CHECK(told[0]["temperature"] == 1.5);
  CHECK(told[1]["temperature"] == 0.75);
  CHECK(calibration(world.model())[0]["temperature"].is_null());
}

TEST_CASE("report refuses what is neither a model nor a sweep, and writes no page then") {
  const SmallWorld world;
  write_text(world.folder / "text.json", "not JSON");
  std::string wrong = sweep_text;
  wrong.replace(wrong.find("margin"), 6, "luck!!");
  write_text(world.folder / "wrong.json", wrong);
  const std::string page = world.path("r.html");
  const auto report = [&](const std::string& file) { return cascadecl_run({"report", file, "-o", page}); };
  CHECK(error_fault(report(world.path("none.h5")), 4, "none.h5") == "");
  CHECK(error_fault(report(world.path("text.json")), 4, "text.json") == "");
  CHECK(error_fault(report(world.path("wrong.json")), 4, "points[1]: field 'policy'") == "");
  CHECK(error_fault(report(world.data()), 4, "data.h5") == "");
  CHECK(error_fault(report(world.folder.path().string()), 4, world.folder.path().string()) == "");
  CHECK(error_fault(cascadecl_run({"report"}), 2, "MODEL or SWEEP") == "");
  CHECK(error_fault(cascadecl_run({"report", world.model(), "-o", "/proc/none/r.html"}), 1, "/proc/none") == "");
  CHECK_FALSE(std::filesystem::exists(page));
}

TEST_CASE("no name in a report ends its script or becomes HTML") {
  const std::string hostile = "</script><img src=x onerror=alert(1)>@REPORT@";
  const std::string page = report_page(hostile, {{"name", hostile}});
  CHECK_FALSE(contains(page, "<img src=x"));
  CHECK(contains(page, "<title>&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;@REPORT@</title>"));
  CHECK(contains(page, R"({"name":"\u003c/script>\u003cimg src=x onerror=alert(1)>@REPORT@"})"));
  CHECK(html_escaped("<a b=\"c\" d='e'>&") == "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
}

TEST_CASE("base64 is that of RFC 4648") {
  const auto encoded = [](const std::string& text) {
    return base64(std::vector<std::uint8_t>(text.begin(), text.end()));
  };
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foobar") == "Zm9vYmFy");
}

TEST_CASE("a PNG of a dataset's image takes exactly its pixels") {
  const std::vector<std::uint8_t> pixels(12, 7);
  CHECK(png_data_uri({3, 2, 2}, "RGB", pixels).starts_with("data:image/png;base64,"));
  CHECK_THROWS_AS(png_data_uri({3, 2, 3}, "RGB", pixels), ShapeError);
  const std::vector<std::uint8_t> rgb{1, 2, 3}, bgr{3, 2, 1};
  CHECK(png_data_uri({3, 1, 1}, "RGB", rgb) == png_data_uri({3, 1, 1}, "BGR", bgr));
}

TEST_CASE("examples are the first right ones of different classes, then the first wrong ones") {
  const std::vector<int> exits{0, 0, 0, 1, 0, 0, 0}, answers{1, 1, 2, 5, 0, 3, 1};
  const std::vector<std::int32_t> labels{1, 1, 2, 5, 4, 3, 1};
  CHECK(example_images(exits, answers, labels, 0, 3, 1) == std::vector<std::size_t>{0, 2, 5, 4});
  CHECK(example_images(exits, answers, labels, 0, 4, 0) == std::vector<std::size_t>{0, 1, 2, 5});
  CHECK(example_images(exits, answers, labels, 1, 3, 1) == std::vector<std::size_t>{3});
  CHECK(example_images(exits, answers, labels, 2, 3, 1).empty());
}

TEST_CASE("a training is told as the command of its settings, and as curves by phase") {
  const auto told = training_json(R"({"settings": {"stages": ["a", "b"], "phases": ["pretrain", "policy"],
    "policy_epochs": 3, "augment": true, "class_weights": [1, 2], "data": "D", "labels": "0a", "color_order": "RGB", "seed": 4}, "device": "d", "history": [
    {"phase": "pretrain", "what": "a", "epoch": 1, "loss": 2, "accuracy": 0.5}, {"phase": 1}, 7,
    {"phase": "pretrain", "what": "b", "epoch": 1, "loss": 3}, {"phase": "pretrain", "what": "a", "epoch": 2, "loss": 1, "kept": true}]})");
  CHECK(told["command"] ==
        "cascadecl train --data DATA --stages a,b --phases pretrain,policy --policy-epochs 3 --augment yes "
        "--class-weights FILE --seed 4 -o MODEL");
  REQUIRE(told["curves"].size() == 2);
  CHECK(told["curves"][0]["epochs"].size() == 2);
  CHECK(told["curves"][0]["epochs"][1]["accuracy"].is_null());
  CHECK(told["curves"][0]["epochs"][1]["kept"] == true);
  CHECK_FALSE(told["curves"][0]["epochs"][0].contains("kept"));
  CHECK(training_json("").is_null());
  CHECK(training_json("[1, 2").is_null());
  CHECK(training_facts("{}").seed == std::nullopt);
}

}  // namespace
}  // namespace cascadecl::testing
