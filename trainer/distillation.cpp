#include "trainer/distillation.h"

#include "runtime/ops/launch.h"

namespace cascadecl {

Distillation::Distillation(const Device& device, int classes, double share, double temperature)
    : device_(device),
      share_(static_cast<float>(share)),
      temperature_(static_cast<float>(temperature)),
      kernel_(device.kernel("distillation.cl", "distil", {{"CLASSES", classes}})) {}

void Distillation::run(int n, const Array<float>& logits, const Array<Half>& teacher, float weight,
                       const Array<float>& loss, const Array<float>& gradient) {
  launch(device_, kernel_, {to_size(n)}, logits, teacher, weight, share_, temperature_, loss, gradient);
}

}  // namespace cascadecl
