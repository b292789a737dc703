#include "runtime/ops/conv_list.h"

#include <doctest/doctest.h>

#include "data/files/error.h"
#include "runtime/ops/conv.h"
#include "tests/support/device_test.h"

namespace cascadecl {
namespace {

using namespace testing;

const ConvGeometry whole_blocks{{16, 8, 8}, 16, 3, 3, 1, 1}, strided{{16, 9, 9}, 32, 1, 1, 2, 0},
    grouped{{32, 8, 8}, 32, 3, 3, 1, 1, 4};

bool is_cpu_16() {
  return test_device().info().kernel_class() == KernelClass::cpu && test_device().channel_block() == 16;
}

using Names = std::vector<std::string>;

Names names(const std::vector<Declined>& declined) {
  Names names;
  for (const Declined& d : declined) names.push_back(d.variant);
  return names;
}

// Builds each implementation of the direction that does not decline the problem. Which are to be built is known for
// CPUs with channel blocks of 16; of the others only whether the reference kernels are among them.
template <class Direction>
void check_all(const typename Direction::Problem& problem, const std::string& expected) {
  const Device device = test_device().rehearsal();
  std::string built;
  for (const auto& implementation : conv::implementations<Direction>()) {
    CAPTURE(implementation.variant);
    if (!implementation.declines(device, problem).empty()) continue;
    VariantChoice choice;
    CHECK(implementation.make(device, problem, BatchClass::many, choice) != nullptr);
    const auto tuning = implementation.tuning(device, problem, BatchClass::many);
    CHECK(tuning.has_value() == !choice.parameters.empty());
    if (tuning) CHECK(tuning->candidates().front() == choice.parameters);
    built += (built.empty() ? "" : " ") + std::string(implementation.variant);
  }
  if (is_cpu_16()) {
    CHECK(built == expected);
  } else {
    CHECK(built.ends_with("reference") == expected.ends_with("reference"));
  }
}

}  // namespace

TEST_CASE("the first implementation that does not decline runs, and those before it say why they do not") {
  if (!is_cpu_16()) {
    MESSAGE("not tested: the choices are those of CPUs with channel blocks of 16");
    return;
  }
  const Device device = test_device().rehearsal();
  const VariantChoice fastest = ConvForward(device, whole_blocks, {}, KernelClass::automatic).choice();
  CHECK(fastest.variant == "winograd");
  CHECK(fastest.declined.empty());
  CHECK(fastest.reason == "");

  const VariantChoice data = ConvBackwardData(device, strided, {}, KernelClass::automatic).choice();
  CHECK(data.variant == "strided");
  CHECK(names(data.declined) == Names{"winograd", "direct"});
  CHECK(data.declined[0].reason == "1x1 kernel, stride 2, padding 0: winograd is for 3x3, 1, 1");
  CHECK(data.reason == data.declined[0].reason);

  const ConvGeometry wide{{64, 8, 3000}, 16, 3, 3, 1, 1};
  const VariantChoice filter = ConvBackwardFilter(device, wide, {}, false, KernelClass::automatic).choice();
  CHECK(filter.variant == "reference");
  CHECK(names(filter.declined) == Names{"winograd", "direct", "grouped"});
  CHECK(to_string(filter.declined).find("; direct: needs ") != std::string::npos);
}

TEST_CASE("only implementations of the kernel class are asked") {
  const Device device = test_device().rehearsal();
  const VariantChoice reference = ConvForward(device, whole_blocks, {}, KernelClass::reference).choice();
  CHECK(reference.variant == "reference");
  CHECK(reference.declined.empty());
  CHECK(reference.reason == "reference kernels were asked for");
  const VariantChoice gpu = ConvForward(device, strided, {}, KernelClass::gpu).choice();
  CHECK(gpu.variant == "gemm");
  CHECK(gpu.declined.empty());
}

TEST_CASE("an implementation that does not decline can be built, and its tuning offers first what runs untuned") {
  const ConvFusion training{.view = {.activation = ActivationFunction::relu()}, .residual = true, .statistics = true};
  const ConvDataFusion deferred{.deferred = true, .mask = MaskKind::batch_norm_relu, .residual = true};
  check_all<conv::Forward>({whole_blocks, {}}, "winograd direct gemm reference");
  check_all<conv::Forward>({whole_blocks, training}, "winograd direct");
  check_all<conv::BackwardData>({whole_blocks, {}}, "winograd direct strided gemm reference");
  check_all<conv::BackwardData>({whole_blocks, deferred}, "winograd");
  check_all<conv::BackwardFilter>({whole_blocks, {}, false}, "winograd direct gemm reference");
  check_all<conv::BackwardFilter>({whole_blocks, {.affine = true}, true}, "winograd");

  check_all<conv::Forward>({strided, {}}, "direct gemm reference");
  check_all<conv::Forward>({strided, training}, "direct");
  check_all<conv::BackwardData>({strided, {}}, "strided gemm reference");
  check_all<conv::BackwardData>({strided, deferred}, "");
  check_all<conv::BackwardFilter>({strided, {}, false}, "direct gemm reference");
  check_all<conv::BackwardFilter>({strided, {.affine = true}, true}, "");

  check_all<conv::Forward>({grouped, {}}, "grouped reference");
  check_all<conv::Forward>({grouped, training}, "");
  check_all<conv::BackwardData>({grouped, {}}, "grouped reference");
  check_all<conv::BackwardData>({grouped, deferred}, "");
  check_all<conv::BackwardFilter>({grouped, {}, false}, "grouped reference");
  check_all<conv::BackwardFilter>({grouped, {.affine = true}, true}, "");
}

TEST_CASE("a fusion that no implementation has is an error that names all of them") {
  const ConvBackwardData::Fusion deferred{.deferred = true};
  REQUIRE_FALSE(ConvBackwardData::can_fuse(test_device(), strided, KernelClass::cpu));
  CHECK_THROWS_WITH_AS(ConvBackwardData(test_device(), strided, deferred, KernelClass::cpu),
                       doctest::Contains("strided: reads no deferred gradient"), ShapeError);
  CHECK_THROWS_WITH_AS(ConvBackwardFilter(test_device(), whole_blocks, {}, true, KernelClass::reference),
                       doctest::Contains("reference: reads no deferred gradient"), ShapeError);
  CHECK_FALSE(ConvForward(test_device(), whole_blocks, {.statistics = true}, KernelClass::gpu).fuses_statistics());
}

TEST_CASE("each direction ends with the reference kernels, which belong to all classes") {
  const auto check = [](const auto& list) {
    CHECK(list.back().variant == "reference");
    CHECK(list.back().classes == conv::for_all);
  };
  check(conv::implementations<conv::Forward>());
  check(conv::implementations<conv::BackwardData>());
  check(conv::implementations<conv::BackwardFilter>());
}

}  // namespace cascadecl
