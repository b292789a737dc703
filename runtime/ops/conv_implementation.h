#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/ops/conv_problem.h"
#include "runtime/ops/filter_layout.h"
#include "runtime/ops/variant.h"

// The interface of all ways to compute a direction of a convolution. The lists of conv_list.h have them in order.
namespace cascadecl::conv {

// A convolution built for one problem on one device.
template <class Direction>
class Convolution {
 public:
  Convolution() = default;
  explicit Convolution(Filters prepared) : filters(std::move(prepared)) {}
  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;
  virtual ~Convolution() = default;

  // Enqueues the work for n images.
  virtual void run(int n, const typename Direction::Operands& operands) = 0;
  // Size of the workspace among the operands.
  virtual std::size_t workspace_floats() const { return 0; }

  Filters filters;  // as run() reads them
};

// Kernel classes as a set of bits.
using KernelClasses = unsigned;
constexpr KernelClasses set_of(KernelClass kernels) { return 1U << static_cast<unsigned>(kernels); }
constexpr KernelClasses for_cpus = set_of(KernelClass::cpu), for_gpus = set_of(KernelClass::gpu);
constexpr KernelClasses for_all = for_cpus | for_gpus | set_of(KernelClass::reference);

// What the tuner may try for an implementation on one problem.
struct TuningOffer {
  TuningKey key;
  std::function<std::vector<TuningValues>()> candidates;  // what runs without the user's own tuning first
};

// One way to compute a direction.
template <class Direction>
struct Implementation {
  using Problem = typename Direction::Problem;

  std::string_view variant;  // its name in reports
  KernelClasses classes;     // the classes that it belongs to
  // The reason why it cannot solve the problem on the device; empty if it can.
  std::string (*declines)(const Device& device, const Problem& problem);
  // Builds its kernels, for a problem that it does not decline. Writes the values of its tunables to `choice`.
  std::unique_ptr<Convolution<Direction>> (*make)(const Device& device, const Problem& problem, BatchClass batch,
                                                  VariantChoice& choice);
  // What the tuner may try; nothing if it has no tunables.
  std::optional<TuningOffer> (*tuning)(const Device& device, const Problem& problem, BatchClass batch);
};

// The entry for a class T. T is a Convolution<Direction> with
//   static std::string declines(const Device&, const Problem&)
//   T(const Device&, const Problem&, BatchClass)
// or, if it has tunables P, with
//   static Lookup<P, ...> lookup(const Device&, const Problem&, BatchClass)
//   T(const Device&, const Problem&, BatchClass, const P&)
template <class T, class Direction>
Implementation<Direction> implementation(std::string_view variant, KernelClasses classes) {
  using Problem = typename Direction::Problem;
  constexpr bool tunable = requires { &T::lookup; };
  return {
      .variant = variant,
      .classes = classes,
      .declines = T::declines,
      .make = [](const Device& device, const Problem& problem, BatchClass batch,
                 [[maybe_unused]] VariantChoice& choice) -> std::unique_ptr<Convolution<Direction>> {
        if constexpr (tunable) {
          return std::make_unique<T>(device, problem, batch,
                                     look_up(device, T::lookup(device, problem, batch), choice));
        } else {
          return std::make_unique<T>(device, problem, batch);
        }
      },
      .tuning = [](const Device& device, const Problem& problem, BatchClass batch) -> std::optional<TuningOffer> {
        if constexpr (tunable) {
          const auto lookup = T::lookup(device, problem, batch);
          return TuningOffer{lookup.key, [device, lookup] { return values_to_try(device, lookup); }};
        } else {
          return std::nullopt;
        }
      },
  };
}

}  // namespace cascadecl::conv
