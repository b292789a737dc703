#include "trainer/policy_net.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/files/error.h"
#include "data/files/random.h"
#include "runtime/ops/launch.h"

namespace cascadecl {
namespace {

// Uniform in [-limit, limit).
std::vector<float> uniform_weights(RandomStream& random, std::size_t count, double limit) {
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>((random.word() * 0x1p-31 - 1) * limit);
  return values;
}

// Makes half of the first layer's units answer to confidence: max(0, 1 - s (1 - p)) for one probability p of the input,
// with slopes s from 2 to 1000. The probabilities of the easy images all lie within a percent of 1, where plain random
// units are all but linear; without these, those images leave together or not at all.
void set_confidence_units(Policy& policy) {
  const int units = policy.hidden / 2;
  for (int u = 0; u < units; ++u) {
    const double slope = 2 * std::pow(500.0, static_cast<double>(u) / units);
    const int shown = sorts(policy.input) ? 0 : u % policy.classes;  // sorted: the largest
    float* weights = &policy.weight1[to_size(u) * to_size(policy.inputs())];
    std::fill_n(weights, policy.inputs(), 0.0f);
    weights[shown] = static_cast<float>(slope);
    policy.bias1[to_size(u)] = static_cast<float>(1 - slope);
  }
}

Policy initial_policy(int t, PolicyInput input, int classes, int hidden, std::uint64_t seed, int features) {
  RandomStream random(seed, RandomPurpose::policy_weights, static_cast<std::uint64_t>(t));
  Policy policy{.input = input, .classes = classes, .hidden = hidden, .features = features};
  const std::size_t inputs = to_size(policy.inputs()), h = to_size(hidden);
  policy.weight1 = uniform_weights(random, h * inputs, std::sqrt(6.0 / policy.inputs()));
  policy.weight2 = uniform_weights(random, h * h, std::sqrt(6.0 / hidden));
  policy.weight3 = uniform_weights(random, 2 * h, std::sqrt(1.0 / hidden));
  policy.bias1.assign(h, 0.0f);
  policy.bias2.assign(h, 0.0f);
  policy.bias3.assign(2, 0.0f);
  set_confidence_units(policy);
  return policy;
}

int input_mode(PolicyInput input) { return input == PolicyInput::raw ? 0 : sorts(input) ? 1 : 2; }

std::vector<float> pack_all(std::span<const Policy> policies, int room) {
  std::vector<float> all;
  for (const Policy& policy : policies) {
    const std::vector<float> one = pack_policy(policy, room);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

}  // namespace

std::vector<Policy> initial_policies(int stages, PolicyInput input, int classes, int hidden, std::uint64_t seed,
                                     std::span<const int> features) {
  if (input == PolicyInput::features && to_size(stages) > features.size() + 1)
    throw ShapeError(fmt::format("policies: features of {} stages, expected {}", features.size(), stages - 1));
  std::vector<Policy> policies;
  for (int t = 0; t + 1 < stages; ++t) {
    const int count = input == PolicyInput::features ? features[to_size(t)] : 0;
    policies.push_back(initial_policy(t, input, classes, hidden, seed, count));
  }
  return policies;
}

namespace {

PolicySize size_of(std::span<const Policy> policies) {
  return {policies[0].classes, policies[0].hidden, std::ranges::max(policies, {}, &Policy::features).features,
          policies[0].input};
}

}  // namespace

struct PolicyNet::State {
  State(const Device& on, std::span<const Policy> policies, int largest_batch)
      : device(on),
        size(size_of(policies)),
        max_batch(largest_batch),
        policy_count(policies.size()),
        sgd(device, policy_count * policy_weight_count(size)) {
    for (const Policy& policy : policies) features.push_back(policy.features);
    const std::size_t images = policy_count * to_size(max_batch), units = images * to_size(padded_hidden(size.hidden));
    weights = device.upload(pack_all(policies, size.features));
    if (size.features > 0) feature_counts = device.upload(features);
    velocity = device.allocate<float>(weights.size());
    gradient = device.allocate<float>(weights.size());
    device.fill(velocity, 0.0f);
    device.fill(gradient, 0.0f);
    inputs = device.allocate<float>(images * to_size(size.inputs()));
    for (Array<float>* array : {&hidden1, &hidden2, &delta1, &delta2}) *array = device.allocate<float>(units);
    stop_logit = device.allocate<float>(images);
    score_norm = device.allocate<float>(images);
    build();
  }

  void build() {
    const PolicyTiling tiling = PolicyTiling::choose(size, TuningTarget::of(device.info()));
    lanes = to_size(tiling.lanes);
    outputs_per_item = to_size(tiling.vector * tiling.tile);
    Defines defines = policy_defines(tiling, size);
    defines.set("INPUT", input_mode(size.input));
    forward = device.kernel("policy_gradient.cl", "policy_forward", defines);
    Defines test_defines = policy_defines(tiling, size);
    test_defines.set("INPUT", input_mode(size.input == PolicyInput::permuted ? PolicyInput::raw : size.input));
    test_forward = device.kernel("policy_gradient.cl", "policy_forward", test_defines);
    parameter_gradient = device.kernel("policy_gradient.cl", "policy_parameter_gradient", defines);
  }

  void run_forward(Kernel& kernel, int n, int begin, std::size_t count, const BatchProbabilities& p, std::uint64_t seed,
                   unsigned step) {
    if (n < 1 || n > max_batch) throw ShapeError(fmt::format("policies: {} images, expected 1..{}", n, max_batch));
    if (p.features.size() < (to_size(begin) + count) * to_size(p.rows) * to_size(size.features))
      throw ShapeError(fmt::format("policies: {} values of features for {} policies, {} images and {} features",
                                   p.features.size(), to_size(begin) + count, p.rows, size.features));
    kernel({to_size(n) * lanes, count}, {lanes}, p.values, p.features, feature_counts, p.rows, p.images, p.first,
           weights, begin, max_batch, static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32), step, inputs,
           hidden1, hidden2, delta1, delta2, stop_logit, score_norm);
  }

  std::vector<Policy> read(const Array<float>& array) const {
    const std::vector<float> all = device.read(array);
    const std::size_t one = policy_weight_count(size);
    std::vector<Policy> policies;
    for (std::size_t t = 0; t < policy_count; ++t)
      policies.push_back(unpack_policy(std::span(all).subspan(t * one, one), size, features[t]));
    return policies;
  }

  void write(const Array<float>& array, std::span<const Policy> policies) const {
    check_alike(policies);
    const std::vector<float> all = pack_all(policies, size.features);
    device.write(array, std::span<const float>(all));
  }

  void check_alike(std::span<const Policy> policies) const {
    bool alike = policies.size() == policy_count;
    for (std::size_t t = 0; alike && t < policy_count; ++t) {
      const Policy& p = policies[t];
      alike =
          p.input == size.input && p.classes == size.classes && p.hidden == size.hidden && p.features == features[t];
    }
    if (!alike)
      throw ShapeError(fmt::format("policies: expected {} of {} classes, {} hidden units and {} input", policy_count,
                                   size.classes, size.hidden, to_string(size.input)));
  }

  Device device;
  PolicySize size;
  int max_batch;
  std::size_t policy_count, lanes = 1, outputs_per_item = 1;
  Sgd sgd;
  std::vector<int> features;                              // [policies]
  Array<int> feature_counts;                              // the same on the device
  Array<float> weights, velocity, gradient;               // [policies][weights of one]
  Array<float> inputs, hidden1, hidden2, delta1, delta2;  // [policies][max_batch][inputs or hidden units]
  Array<float> stop_logit, score_norm;                    // [policies][max_batch]
  Kernel forward, test_forward, parameter_gradient;
};

PolicyNet::PolicyNet(const Device& device, std::span<const Policy> policies, int max_batch) {
  if (policies.empty()) throw ShapeError("policies: none given, a cascade of one stage has nothing to decide");
  if (max_batch < 1) throw ShapeError(fmt::format("policies: largest batch {}, expected at least 1", max_batch));
  state_ = std::make_unique<State>(device, policies, max_batch);
  state_->check_alike(policies);
}
PolicyNet::PolicyNet(PolicyNet&&) noexcept = default;
PolicyNet& PolicyNet::operator=(PolicyNet&&) noexcept = default;
PolicyNet::~PolicyNet() = default;

void PolicyNet::forward(int n, const BatchProbabilities& probabilities, std::uint64_t seed, unsigned step) {
  state_->run_forward(state_->forward, n, 0, state_->policy_count, probabilities, seed, step);
}

void PolicyNet::forward_policy(int t, int n, const BatchProbabilities& probabilities, std::uint64_t seed,
                               unsigned step) {
  if (t < 0 || t >= count()) throw ShapeError(fmt::format("policies: no policy {} among {}", t, count()));
  state_->run_forward(state_->forward, n, t, 1, probabilities, seed, step);
}

void PolicyNet::evaluate(int n, const BatchProbabilities& probabilities) {
  state_->run_forward(state_->test_forward, n, 0, state_->policy_count, probabilities, 0, 0);
}

void PolicyNet::backward(int n, const Array<float>& stop_gradient) {
  State& s = *state_;
  const std::size_t width = to_size(padded_hidden(s.size.hidden));
  const std::size_t rows = to_size(s.size.inputs()) + 1 + width + 1 + 2;
  launch(s.device, s.parameter_gradient, {width / s.outputs_per_item, rows, s.policy_count}, n, s.max_batch,
         stop_gradient, s.inputs, s.hidden1, s.hidden2, s.delta1, s.delta2, s.gradient);
}

void PolicyNet::step(const SgdSettings& settings) {
  state_->sgd.step(state_->weights, state_->gradient, state_->velocity, settings);
}

const Array<float>& PolicyNet::stop_logit() const { return state_->stop_logit; }
const Array<float>& PolicyNet::score_norm() const { return state_->score_norm; }
std::vector<Policy> PolicyNet::policies() const { return state_->read(state_->weights); }
std::vector<Policy> PolicyNet::momentum() const { return state_->read(state_->velocity); }
std::vector<Policy> PolicyNet::gradients() const { return state_->read(state_->gradient); }
void PolicyNet::set_policies(std::span<const Policy> policies) { state_->write(state_->weights, policies); }
void PolicyNet::set_momentum(std::span<const Policy> momentum) { state_->write(state_->velocity, momentum); }
int PolicyNet::count() const { return static_cast<int>(state_->policy_count); }
int PolicyNet::max_batch() const { return state_->max_batch; }
int PolicyNet::most_features() const { return state_->size.features; }

}  // namespace cascadecl
