#pragma once
#include <optional>

#include "runtime/ops/conv_implementation.h"

namespace cascadecl::conv {

// A gradient by the filters that is summed in slices: one kernel sums every slice of the images into a part of the
// workspace of its own, another adds the slices in order. A subclass says which kernels, on which work-items.
class SlicedFilter : public Convolution<BackwardFilter> {
 public:
  std::size_t workspace_floats() const final { return workspace_floats_; }
  void run(int n, const BackwardFilter::Operands& o) override {
    sum_(o.in.data, o.in.scale, o.in.shift, o.out_gradient.data, o.workspace, n);
    add_(o.workspace, o.weight_gradient);
  }

 protected:
  // A kernel and its work-items; without `group` the driver chooses the work-groups.
  struct Launch {
    template <class... Args>
    void operator()(const Args&... args) {
      if (group) {
        kernel(global, *group, args...);
      } else {
        kernel.run(global, args...);
      }
    }
    Kernel kernel;
    Range global;
    std::optional<Range> group;
  };

  Launch sum_, add_;
  std::size_t workspace_floats_ = 0;
};

}  // namespace cascadecl::conv
