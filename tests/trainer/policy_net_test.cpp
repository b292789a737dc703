#include "trainer/policy_net.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/files/error.h"
#include "tests/support/device_test.h"
#include "tests/support/reference_policy.h"

namespace cascadecl {
namespace {

using namespace testing;

// Sums of up to 100 products of numbers up to 10 in float: relative error of some 1e-6.
constexpr double tolerance = 2e-5;

std::vector<Policy> random_policies(int count, PolicyInput input, int classes, int hidden,
                                    const std::vector<int>& features = {}) {
  std::vector<Policy> policies;
  for (int t = 0; t < count; ++t)
    policies.push_back(reference::random_policy(input, classes, hidden, static_cast<unsigned>(t) + 5,
                                                features.empty() ? 0 : features[to_size_t(t)]));
  return policies;
}

Values slice(const Values& values, std::size_t begin, std::size_t count) {
  const auto from = values.begin() + static_cast<std::ptrdiff_t>(begin);
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

// All arrays of a policy, one after the other.
Values flat(const Policy& policy) {
  Values all;
  for (const PolicyArray& array : policy_arrays(policy))
    all.insert(all.end(), array.values->begin(), array.values->end());
  return all;
}

double squared_norm(const Values& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return sum;
}

double relative_difference(const Values& expected, const Values& actual) {
  double scale = 1;
  for (const double v : expected) scale = std::max(scale, std::abs(v));
  return largest_difference(expected, actual) / scale;
}

// `rows` label probabilities for each stage, of which a batch takes `images` from `first` on.
struct NetCase {
  PolicyInput input;
  int policies, classes, hidden, rows, n, max_batch;
  std::vector<int> features = {};  // [policies]
};

void check_net(const NetCase& c) {
  CAPTURE(c.classes);
  CAPTURE(c.hidden);
  const auto stages = c.policies + 1;
  const Values p = reference::random_probabilities(stages * c.rows, c.classes, 3);
  std::vector<int> images(to_size_t(c.n) + 2);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<int>((i * 7 + 3) % to_size_t(c.rows));
  const Guarded<float> probabilities(to_floats(p));
  const Guarded<int> order(images);
  const std::vector<Policy> policies = random_policies(c.policies, c.input, c.classes, c.hidden, c.features);
  const int most = c.features.empty() ? 0 : *std::ranges::max_element(c.features);
  const Values pooled = random_values(to_size_t(c.policies * c.rows * most), 17);
  PolicyNet net(test_device(), policies, c.max_batch);
  net.forward(c.n,
              {probabilities, c.rows, order, 2, most > 0 ? test_device().upload(to_floats(pooled)) : Array<float>()}, 1,
              0);
  CHECK(net.most_features() == most);

  Values coefficients(to_size_t(c.policies * c.max_batch), 0.0);
  std::vector<Values> expected;
  const std::vector<float> logits = test_device().read(net.stop_logit()), norms = test_device().read(net.score_norm());
  for (int t = 0; t < c.policies; ++t) {
    const Policy& policy = policies[to_size_t(t)];
    Values sum(flat(policy).size(), 0.0);
    for (int i = 0; i < c.n; ++i) {
      const std::size_t row = to_size_t(t * c.rows + images[to_size_t(i) + 2]), at = to_size_t(t * c.max_batch + i);
      const std::size_t own = to_size_t(policy.features);
      const Values seen = slice(pooled, to_size_t(t * c.rows * most) + to_size_t(images[to_size_t(i) + 2]) * own, own);
      const Values input =
          reference::policy_input(c.input, slice(p, row * to_size_t(c.classes), to_size_t(c.classes)), seen);
      const Values gradient = reference::stop_logit_gradient(policy, input);
      CHECK(logits[at] == doctest::Approx(reference::stop_logit(policy, input)).epsilon(tolerance));
      CHECK(norms[at] == doctest::Approx(squared_norm(gradient)).epsilon(tolerance));
      coefficients[at] = i % 3 == 1 ? 0.0 : 0.25 * (i % 5) - 0.5;
      for (std::size_t w = 0; w < sum.size(); ++w) sum[w] += coefficients[at] * gradient[w];
    }
    expected.push_back(sum);
  }
  net.backward(c.n, test_device().upload(to_floats(coefficients)));
  const std::vector<Policy> gradients = net.gradients();
  for (std::size_t t = 0; t < gradients.size(); ++t)
    CHECK(relative_difference(expected[t], flat(gradients[t])) < tolerance);
}

}  // namespace

TEST_CASE("policies in training equal the reference: logits, score norms and parameter gradients") {
  check_net({PolicyInput::sorted, 2, 10, 64, 40, 17, 20});
  check_net({PolicyInput::raw, 1, 7, 5, 9, 9, 9});
  check_net({PolicyInput::sorted, 3, 33, 48, 5, 1, 4});
  check_net({PolicyInput::sorted, 4, 2, 1, 130, 128, 128});
}

TEST_CASE("policies that see features of stages of several widths equal the reference") {
  check_net({PolicyInput::combined, 2, 20, 5, 9, 9, 9});  // sees 16 of the 20
  check_net({PolicyInput::features, 2, 10, 64, 40, 17, 20, {64, 64}});
  check_net({PolicyInput::features, 3, 7, 5, 9, 9, 9, {3, 33, 8}});
}

TEST_CASE("policies that see features refuse to run without them") {
  PolicyNet net(test_device(), random_policies(1, PolicyInput::features, 4, 8, {6}), 2);
  const Array<float> probabilities = test_device().upload(std::vector<float>(8, 0.25f));
  CHECK_THROWS_AS(net.forward(2, {probabilities, 2, {}, 0}, 1, 0), ShapeError);
}

TEST_CASE("permuted input shows every permutation, each about equally often, and none at test time") {
  // Hidden unit c passes input c on, and the logit is x0 + 3 x1 + 9 x2: the logit tells the permutation.
  Policy policy{.input = PolicyInput::permuted, .classes = 3, .hidden = 3};
  policy.weight1 = policy.weight2 = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  policy.bias1 = policy.bias2 = {0, 0, 0};
  policy.weight3 = {1, 3, 9, 0, 0, 0};
  policy.bias3 = {0, 0};
  constexpr int n = 6000;
  std::vector<float> p;
  for (int i = 0; i < n; ++i) p.insert(p.end(), {0.5f, 0.25f, 0.125f});
  const BatchProbabilities probabilities{test_device().upload(p), n, {}, 0};
  PolicyNet net(test_device(), std::vector<Policy>{policy}, n);
  net.forward(n, probabilities, 9, 4);
  std::map<float, int> seen;
  for (const float logit : test_device().read(net.stop_logit())) ++seen[logit];
  CHECK(seen.size() == 6);
  for (const auto& [logit, count] : seen) CHECK(std::abs(count - 1000) < 145);  // five standard deviations of 29

  net.evaluate(n, probabilities);
  for (const float logit : test_device().read(net.stop_logit(), 3)) CHECK(logit == 2.375f);
}

TEST_CASE("images with gradient zero may hold anything") {
  const std::vector<Policy> policies = random_policies(1, PolicyInput::raw, 4, 8);
  PolicyNet net(test_device(), policies, 2);
  const float nan = std::nanf("");
  net.forward(2, {test_device().upload(std::vector<float>{0.25f, 0.25f, 0.25f, 0.25f, nan, nan, nan, nan}), 2, {}, 0},
              1, 0);
  net.backward(2, test_device().upload(std::vector<float>{1.0f, 0.0f}));
  const std::vector<Policy> gradients = net.gradients();
  const Values gradient = flat(gradients[0]);
  CHECK(std::all_of(gradient.begin(), gradient.end(), [](double g) { return std::isfinite(g); }));
  CHECK(squared_norm(gradient) > 0);
}

TEST_CASE("initial policies depend on the seed and on nothing else") {
  const auto first = initial_policies(3, PolicyInput::sorted, 10, 64, 1);
  CHECK(first.size() == 2);
  CHECK(first[0].weight1 == initial_policies(3, PolicyInput::sorted, 10, 64, 1)[0].weight1);
  CHECK(first[0].weight1 != initial_policies(3, PolicyInput::sorted, 10, 64, 2)[0].weight1);
  CHECK(first[0].weight1 != first[1].weight1);
}

TEST_CASE("a cascade of one stage has no policies to train") {
  CHECK_THROWS_AS(PolicyNet(test_device(), std::vector<Policy>{}, 8), ShapeError);
}

}  // namespace cascadecl
