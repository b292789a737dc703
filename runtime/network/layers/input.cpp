#include "runtime/network/layers/input.h"

#include "runtime/network/lowerer.h"

namespace cascadecl::layers {

void Input::lower(Lowerer& lowerer) const {
  lowerer.set({.view = {.tensor = lowerer.new_tensor(lowerer.layer().shape)}});
}

}  // namespace cascadecl::layers
