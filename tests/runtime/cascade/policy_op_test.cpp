#include "runtime/cascade/policy_op.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_policy.h"

namespace cascadecl {
namespace {

using namespace testing;

// Stop logits are sums of up to 1,000 products, of size 10 at most; a probability moves by a quarter of a logit's
// error.
constexpr double tolerance = 1e-5;

struct PolicyCase {
  PolicyInput input;
  int n, classes, hidden, features = 0;
};
constexpr PolicyCase cases[] = {
    {PolicyInput::raw, 5, 10, 64},        {PolicyInput::sorted, 130, 10, 64},
    {PolicyInput::permuted, 3, 7, 5},     {PolicyInput::sorted, 1, 2, 1},
    {PolicyInput::sorted, 4, 100, 64},    {PolicyInput::raw, 2, 33, 48},
    {PolicyInput::sorted, 2, 1000, 256},  {PolicyInput::features, 130, 10, 64, 64},
    {PolicyInput::features, 3, 7, 5, 33}, {PolicyInput::combined, 130, 10, 64},
    {PolicyInput::combined, 3, 100, 64},  {PolicyInput::combined, 4, 17, 5},
};
constexpr double own_weight = 0.6;  // of combined answers

// What the policy sees in the place of a row: for combined answers softmax(earlier + own_weight log p).
Values shown(PolicyInput input, Values row, const Values& earlier) {
  if (input != PolicyInput::combined) return row;
  for (std::size_t c = 0; c < row.size(); ++c) row[c] = earlier[c] + own_weight * std::log(std::max(row[c], 1e-30));
  return reference::softmax(row, 1, static_cast<int>(row.size()));
}

Values expected_stop(const Policy& policy, const Values& probabilities, const Values& features, const Values& earlier) {
  const std::size_t classes = to_size_t(policy.classes);
  Values stop;
  for (std::size_t i = 0; i < probabilities.size(); i += classes) {
    const auto row = probabilities.begin() + static_cast<std::ptrdiff_t>(i);
    const auto own = features.begin() + static_cast<std::ptrdiff_t>(i / classes) * policy.features;
    const auto before = earlier.begin() + static_cast<std::ptrdiff_t>(i);
    const Values seen = shown(policy.input, Values(row, row + policy.classes), Values(before, before + policy.classes));
    const Values input = reference::policy_input(policy.input, seen, Values(own, own + policy.features));
    stop.push_back(reference::sigmoid(reference::stop_logit(policy, input)));
  }
  return stop;
}

void check_policy(const PolicyCase& c, const PolicyTiling& tiling) {
  CAPTURE(c.classes);
  CAPTURE(c.hidden);
  const Policy policy = reference::random_policy(c.input, c.classes, c.hidden, 7, c.features);
  const Values probabilities = reference::random_probabilities(c.n, c.classes, 11);
  const Values features = random_values(to_size_t(c.n * std::max(c.features, 1)), 13);
  const Values earlier = random_values(probabilities.size(), 17);
  const Guarded<float> in(to_floats(probabilities)), seen(to_floats(features)), before(to_floats(earlier)),
      out(to_size_t(c.n));
  PolicyOp op(test_device(), policy, c.n, own_weight, tiling);
  op.run(c.n, {in, c.features > 0 ? seen.array() : Array<float>(), before}, out);
  CHECK(largest_difference(expected_stop(policy, probabilities, features, earlier), to_doubles(out.read())) <
        tolerance);
}

}  // namespace

TEST_CASE("policy equals the reference for every input, odd classes and hidden units") {
  for (const PolicyCase& c : cases)
    check_policy(
        c, PolicyTiling::choose({c.classes, c.hidden, c.features, c.input}, TuningTarget::of(test_device().info())));
}

TEST_CASE("policy equals the reference when many work-items share an image") {
  for (const PolicyCase& c : cases) check_policy(c, PolicyTiling::many_items(TuningTarget::of(test_device().info())));
}

TEST_CASE("sorted policy does not care which class is which") {
  const Policy policy = reference::random_policy(PolicyInput::sorted, 4, 8, 3);
  const Guarded<float> in(std::vector<float>{0.5f, 0.25f, 0.25f, 0.0f, 0.25f, 0.0f, 0.5f, 0.25f}), out(2);
  PolicyOp op(test_device(), policy, 2);
  op.run(2, {in}, out);
  const std::vector<float> stop = out.read();
  CHECK(stop[0] == stop[1]);
}

TEST_CASE("policy refuses more images than its largest batch") {
  const Policy policy = reference::random_policy(PolicyInput::raw, 4, 8, 3);
  PolicyOp op(test_device(), policy, 2);
  const Guarded<float> in(12), out(3);
  CHECK_THROWS_WITH_AS(op.run(3, {in}, out), "policy: 3 images, expected 0..2 (the largest batch)", ShapeError);
  op.run(0, {in}, out);
}

TEST_CASE("packing a policy and unpacking it is the identity") {
  for (const int room : {0, 9}) {
    const Policy policy = reference::random_policy(PolicyInput::features, 7, 21, 3, 5);
    const PolicySize size{policy.classes, policy.hidden, std::max(room, 5), policy.input};
    const std::vector<float> packed = pack_policy(policy, room);
    CHECK(packed.size() == policy_weight_count(size));
    const Policy back = unpack_policy(packed, size, policy.features);
    CHECK(back.input == policy.input);
    CHECK(back.features == 5);
    for (std::size_t i = 0; i < policy_arrays(policy).size(); ++i)
      CHECK(*policy_arrays(back)[i].values == *policy_arrays(policy)[i].values);
  }
}

TEST_CASE("a policy that sees features refuses to run without them") {
  const Policy policy = reference::random_policy(PolicyInput::features, 4, 8, 3, 6);
  PolicyOp op(test_device(), policy, 2);
  const Guarded<float> in(8), out(2), features(11);
  CHECK_THROWS_WITH_AS(op.run(2, {in, features}, out), "policy: 11 values for 6 features of each of 2 images",
                       ShapeError);
  CHECK_THROWS_AS(op.run(2, {in}, out), ShapeError);
}

TEST_CASE("a policy that sees the combined answer refuses to run without the earlier stages") {
  const Policy policy = reference::random_policy(PolicyInput::combined, 4, 8, 3);
  PolicyOp op(test_device(), policy, 2);
  const Guarded<float> in(8), out(2), earlier(7);
  CHECK_THROWS_WITH_AS(op.run(2, {in, {}, earlier}, out),
                       "policy: 7 values of earlier stages for 2 images of 4 classes", ShapeError);
}

TEST_CASE("packing names the array that has not its size") {
  Policy policy = reference::random_policy(PolicyInput::sorted, 7, 21, 3);
  policy.weight2.pop_back();
  CHECK_THROWS_WITH_AS(pack_policy(policy), "policy: weight2 has 440 values, expected 21x21", ShapeError);
}

}  // namespace cascadecl
