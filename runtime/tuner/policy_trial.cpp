#include "runtime/tuner/policy_trial.h"

#include <memory>

#include "runtime/cascade/policy_op.h"
#include "runtime/ops/launch.h"

namespace cascadecl {

MakeTrial policy_trial(const PolicySize& size) {
  return [=](const TrialContext& c) -> Trial {
    const std::vector<float> weights = c.device.read(c.data.floats(policy_weight_count(size), 1, 0.1F));
    const Policy policy = unpack_policy(weights, size);
    auto op = std::make_shared<PolicyOp>(c.device, policy, c.max_batch);
    std::vector<float> values = c.device.read(c.data.floats(to_size(c.images * size.classes), 2));
    for (float& value : values) value = (value + 2) / 4;
    const Array<float> probabilities = c.device.upload(values);
    const Trial::Output stop{c.device.allocate<float>(to_size(c.images)), 1};
    c.device.fill(stop.array, 0.0F);
    const Array<float> earlier = c.device.allocate<float>(values.size());
    c.device.fill(earlier, 0.0F);
    return {[=](int n) { op->run(n, {.probabilities = probabilities, .earlier = earlier}, stop.array); }, {stop}};
  };
}

}  // namespace cascadecl
