#include "runtime/tuner/network_workload.h"

#include <memory>

#include "runtime/network/training_plan.h"
#include "runtime/ops/softmax.h"

namespace cascadecl {

NetworkWorkload inference_work(const Device& device, const Network& network, int batch, const ActivationArray& images) {
  auto plan = std::make_shared<InferencePlan>(device, network, initial_parameters(network, 1), batch,
                                              KernelClass::automatic, images.precision());
  return {[=] { plan->run(batch, images); }, [=] { return plan->steps(); },
          [=] { return plan->time_steps(batch, images); }};
}

NetworkWorkload training_work(const Device& device, const Network& network, int batch, const Array<float>& images) {
  auto plan = std::make_shared<TrainingPlan>(device, network, initial_parameters(network, 1), batch);
  auto loss = std::make_shared<CrossEntropy>(device, network.classes());
  std::vector<int> labels(static_cast<std::size_t>(batch));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int>(i) % network.classes();
  const Array<int> device_labels = device.upload(labels);
  const Array<float> losses = device.allocate<float>(labels.size()), correct = device.allocate<float>(labels.size());
  const auto step = [=] {
    const Array<float> logits = plan->forward(batch, images, BatchNormMode::batch);
    loss->run(batch, logits, device_labels, 1.0F / static_cast<float>(batch), losses, correct, plan->logit_gradient());
    plan->backward();
    plan->step({.learning_rate = 0.01F});
  };
  return {step, [=] { return plan->steps(); }, [=] { return plan->time_steps(batch, images, BatchNormMode::batch); }};
}

}  // namespace cascadecl
