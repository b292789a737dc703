#include "trainer/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>

#include "data/files/error.h"
#include "data/files/hdf5_file.h"
#include "runtime/cascade/model_file.h"
#include "runtime/cascade/named_arrays.h"
#include "runtime/network/zoo.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"
#include "trainer/history.h"

namespace cascadecl {
namespace {

using Position = TrainState::Position;

Parameters trained(const Network& network, float value) {
  Parameters momentum;
  for (const auto& [key, shape] : trained_parameter_shapes(network)) {
    std::size_t size = 1;
    for (const int extent : shape) size *= static_cast<std::size_t>(extent);
    momentum[key].assign(size, value);
  }
  return momentum;
}

Checkpoint random_checkpoint(Position position) {
  const Network network = make_network("resnet-8", {3, 8, 8}, 4);
  Checkpoint checkpoint{.settings = R"({"alpha": 0.1})"};
  TrainState& s = checkpoint.state;
  s.position = position;
  s.relative_costs = {0.1, 1.0 / 3, 1};
  s.model = random_model({network, network, network}, 7);
  if (position == Position::pretrain) {
    s.progress = {{.epoch = 4}, {.epoch = 3, .step = 12, .loss = 1.0 / 3, .correct = 17}, {}};
    s.momentum = {{}, trained(network, 0.5F), {}};
    s.best = {{}, s.model.stages[0].parameters, {}};
  } else if (position != Position::done) {
    s.progress = {{.epoch = 3, .step = 12, .loss = 1.0 / 3, .correct = 17}};
  }
  if (position == Position::policy) s.policy_momentum = s.model.policies;
  if (position == Position::joint) {
    s.policies_due = true;
    for (const float value : {0.25F, 0.5F, 0.75F}) s.momentum.push_back(trained(network, value));
  }
  EpochRecord record{.phase = "pretrain", .what = "resnet-8", .epoch = 1, .loss = 0.1, .accuracy = 1.0 / 7};
  record.validation_accuracy = 0.3;
  record.kept = true;
  s.history = {record, {.phase = "policy", .what = "policies", .epoch = 2}};
  s.history[1].mac_fraction = 0.6;
  return checkpoint;
}

Policy zeros(Policy policy) {
  for (auto* values : {&policy.weight1, &policy.bias1, &policy.weight2, &policy.bias2, &policy.weight3, &policy.bias3})
    values->assign(values->size(), 0.0F);
  return policy;
}

std::string failure(const std::filesystem::path& file) {
  return error_of<FileError>([&] { read_checkpoint(file); });
}

}  // namespace

TEST_CASE("a checkpoint read back is the one that was written, in every phase") {
  const TemporaryFolder folder;
  for (const Position position : {Position::pretrain, Position::policy, Position::joint, Position::done}) {
    const Checkpoint written = random_checkpoint(position);
    write_checkpoint(folder / "c.h5", written);
    const Checkpoint read = read_checkpoint(folder / "c.h5");
    const TrainState &a = written.state, &b = read.state;
    CHECK(read.settings == written.settings);
    CHECK(b.position == a.position);
    REQUIRE(b.progress.size() == a.progress.size());
    for (std::size_t i = 0; i < a.progress.size(); ++i) {
      CHECK(b.progress[i].epoch == a.progress[i].epoch);
      CHECK(b.progress[i].step == a.progress[i].step);
      CHECK(b.progress[i].loss == a.progress[i].loss);
      CHECK(b.progress[i].correct == a.progress[i].correct);
    }
    CHECK(b.relative_costs == a.relative_costs);
    CHECK(b.policies_due == a.policies_due);
    CHECK(b.momentum == a.momentum);
    CHECK(b.best == a.best);
    REQUIRE(b.policy_momentum.size() == a.policy_momentum.size());
    for (std::size_t i = 0; i < a.policy_momentum.size(); ++i) {
      CHECK(b.policy_momentum[i].weight1 == a.policy_momentum[i].weight1);
      CHECK(b.policy_momentum[i].bias3 == a.policy_momentum[i].bias3);
    }
    CHECK(history_to_json(b.history) == history_to_json(a.history));
    for (std::size_t i = 0; i < 3; ++i) CHECK(b.model.stages[i].parameters == a.model.stages[i].parameters);
  }
}

// As it was written before every stage had a progress of its own: how far one stage is, and its momentum.
void write_one_stage(const std::filesystem::path& path, const Checkpoint& checkpoint, int stage) {
  const TrainState& s = checkpoint.state;
  const auto place = static_cast<std::size_t>(stage);
  Hdf5Writer file(path);
  write_model(file, s.model);
  file.create_group("/checkpoint");
  file.write_attribute("/checkpoint", "position", "pretrain");
  file.write_attribute("/checkpoint", "refit", 0);
  file.write_attribute("/checkpoint", "stage", stage);
  file.write_attribute("/checkpoint", "epoch", s.progress[place].epoch);
  file.write_attribute("/checkpoint", "step", s.progress[place].step);
  file.write_attribute("/checkpoint", "loss", s.progress[place].loss);
  file.write_attribute("/checkpoint", "correct", s.progress[place].correct);
  for (const auto& [name, text] : {std::pair("/checkpoint/settings", checkpoint.settings),
                                   std::pair("/checkpoint/history", history_to_json(s.history))}) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    file.write<std::uint8_t>(name, {static_cast<std::int64_t>(bytes.size())}, bytes);
  }
  if (!s.momentum[place].empty())
    write_arrays(file, "/checkpoint/momentum/0", trained_parameter_shapes(s.model.stages[place].network),
                 s.momentum[place]);
  file.commit();
}

TEST_CASE("a checkpoint of earlier versions, which tells where one stage is, is read as one of all stages") {
  const TemporaryFolder folder;
  Checkpoint written = random_checkpoint(Position::pretrain);
  for (const char* epochs : {"4", "[4, 6, 8]"}) {
    written.settings = std::string(R"({"epochs": )") + epochs + "}";
    write_one_stage(folder / "c.h5", written, 1);
    const TrainState a = written.state, b = read_checkpoint(folder / "c.h5").state;
    REQUIRE(b.progress.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(b.progress[i].epoch == a.progress[i].epoch);
      CHECK(b.progress[i].step == a.progress[i].step);
      CHECK(b.progress[i].loss == a.progress[i].loss);
      CHECK(b.progress[i].correct == a.progress[i].correct);
    }
    CHECK(b.momentum == a.momentum);
  }
  write_one_stage(folder / "c.h5", written, 0);
  CHECK(read_checkpoint(folder / "c.h5").state.progress[0].epoch == 4);
  CHECK(read_checkpoint(folder / "c.h5").state.progress[1].epoch == 0);
}

TEST_CASE("a checkpoint replaces the one before, as a whole") {
  const TemporaryFolder folder;
  write_checkpoint(folder / "c.h5", random_checkpoint(Position::joint));
  Checkpoint next = random_checkpoint(Position::policy);
  next.state.policy_momentum = {zeros(next.state.model.policies[0]), zeros(next.state.model.policies[1])};
  write_checkpoint(folder / "c.h5", next);
  CHECK(read_checkpoint(folder / "c.h5").state.momentum.empty());
  CHECK(folder.entries() == 1);
}

TEST_CASE("a model file is no checkpoint, and a missing, foreign or cut file none either") {
  const TemporaryFolder folder;
  CHECK(contains(failure(folder / "none.h5"), "none.h5"));
  write_text(folder / "text.h5", "no file of ours");
  CHECK(contains(failure(folder / "text.h5"), "text.h5"));

  Hdf5Writer model(folder / "model.h5");
  write_model(model, random_checkpoint(Position::done).state.model);
  model.commit();
  CHECK(contains(failure(folder / "model.h5"), "no checkpoint"));

  write_checkpoint(folder / "c.h5", random_checkpoint(Position::joint));
  const std::string whole = read_text(folder / "c.h5");
  for (const std::size_t part : {1, 2, 3}) {
    write_text(folder / "cut.h5", whole.substr(0, whole.size() * part / 4));
    CHECK(contains(failure(folder / "cut.h5"), "cut.h5"));
  }
}

TEST_CASE("a checkpoint with fields that cannot be is refused by their names") {
  const TemporaryFolder folder;
  const auto refusal = [&](const auto& damage) {
    Checkpoint checkpoint = random_checkpoint(Position::joint);
    damage(checkpoint);
    write_checkpoint(folder / "c.h5", checkpoint);
    return failure(folder / "c.h5");
  };
  CHECK(contains(refusal([](Checkpoint& c) { c.settings = "{"; }), "/checkpoint/settings"));
  const std::string deep = R"({"alpha": )" + std::string(200, '[') + std::string(200, ']') + "}";
  CHECK(contains(refusal([&](Checkpoint& c) { c.settings = deep; }), "/checkpoint/settings"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.momentum.pop_back(); }), "/checkpoint/momentum"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.relative_costs = {0.1, NAN, 1}; }), "/checkpoint/relative_costs"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.relative_costs = {0.1, -1, 1}; }), "/checkpoint/relative_costs"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.progress[0].loss = INFINITY; }), "attribute loss"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.progress[0].epoch = -1; }), "epoch"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.progress[0].step = -5; }), "step"));
  CHECK(contains(refusal([](Checkpoint& c) {
                   c = random_checkpoint(Position::pretrain);
                   c.state.progress[2].epoch = -1;
                 }),
                 "/checkpoint/stages/2"));
  CHECK(contains(refusal([](Checkpoint& c) {
                   c = random_checkpoint(Position::pretrain);
                   c.state.progress.pop_back();
                 }),
                 "/checkpoint/stages/2"));
  CHECK(contains(refusal([](Checkpoint& c) { c.state.policy_momentum = {c.state.model.policies[0]}; }),
                 "/checkpoint/policy_momentum"));
}

TEST_CASE("the history of other makes is refused") {
  CHECK_THROWS_AS(history_from_json("{"), FileError);
  CHECK_THROWS_AS(history_from_json(R"([{"phase": "pretrain"}])"), FileError);
  CHECK_THROWS_AS(history_from_json(R"([{"phase": 1}])"), FileError);
  CHECK(history_from_json("[]").empty());
}

}  // namespace cascadecl
