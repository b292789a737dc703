#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/ops/conv_direct.h"
#include "runtime/ops/conv_forward.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/pool.h"

namespace cascadecl {

// Residual units of one shape, x += conv2(relu(bn2(conv1(relu(bn1(x)))))) with 3x3 convolutions of stride 1, together
// with the convolution that gives x and the pool that reads it.
struct ResidualBlockGeometry {
  std::optional<ConvGeometry> head;  // makes x from the input; without one the input is x
  ImageShape shape;                  // of x
  int units = 1;
  bool pooled = false;  // x goes through another batch norm, ReLU and global average pool
  ConvGeometry convolution() const { return {shape, shape.channels, 3, 3, 1, 1}; }
};

// kernels/residual_block.cl: the tunables of its 3x3 convolutions, and those of the convolution before them.
struct BlockTunables : conv::Winograd {
  int tile_w = 8;
  static constexpr std::string_view kernel = "residual_block";
  static std::array<Tunable<BlockTunables>, 4> tunables();
  static BlockTunables choose(const ResidualBlockGeometry& geometry, const TuningTarget& target);
  static std::vector<std::vector<int>> ranges(const ResidualBlockGeometry& geometry, const TuningTarget& target);
  std::string fault(const ResidualBlockGeometry& geometry, const TuningTarget& target) const;
  std::size_t local_bytes(const ResidualBlockGeometry& geometry, int block) const;
};

// Runs all of them for inference in a single launch, in which a work-item takes an image through the whole block. Where
// there are several cores for each image, the convolutions are launched one by one, split over the cores.
class ResidualBlock {
 public:
  // The reason why the device cannot run the geometry in this way; empty if it can.
  static std::string declines(const Device& device, const ResidualBlockGeometry& geometry, KernelClass kernels);
  // The number of units that one launch should do; 0 if it declines. A core reads the units' filters again for each of
  // its images. So the filters should stay in its own cache, unless max_batch images leave only one for each core.
  static int most_units(const Device& device, const ResidualBlockGeometry& geometry, KernelClass kernels,
                        int max_batch);

  ResidualBlock(const Device& device, const ResidualBlockGeometry& geometry, KernelClass kernels, BatchClass batch,
                Precision precision = Precision::fp32);

  // The key for tuning: the shape of its head, else that of its convolutions.
  static TuningKey tuning_key(const ResidualBlockGeometry& geometry, int block, BatchClass batch);

  // Enqueues the conversion of the filters: head [K][C][R][S] (empty without one), convolutions [C][C][3][3] in order.
  void prepare(const Array<float>& head, const std::vector<Array<float>>& convolutions);
  // Scale and shift of the batch norm before each convolution, then of that before the pool; `data` is not used.
  void prepare_norms(const std::vector<View>& norms);

  //   in      [n][C/b][H][W][b], the head's input or x
  //   x       [n][K/b][OH][OW][b], another array than `in`
  //   pooled  [n][K] the means, if geometry.pooled
  void run(int n, const ActivationArray& in, const ActivationArray& x, const Array<float>& pooled = {});
  // The same for images first, first + 1, ... first + n - 1 of these arrays, in one launch on a queue of the device's
  // context that nobody observes.
  void run_share(int first, int n, const ActivationArray& in, const ActivationArray& x, const Array<float>& pooled,
                 const cl::CommandQueue& queue);
  bool splits(int n) const { return n <= most_split_; }  // whether run() launches the convolutions one by one

  const VariantChoice& choice() const { return choice_; }
  std::size_t weight_bytes() const;
  std::size_t scratch_bytes() const { return between_.bytes(); }

 private:
  void run_on(Kernel& kernel, int first, int n, const ActivationArray& in, const ActivationArray& x,
              const Array<float>& pooled);
  void run_split(int n, const ActivationArray& in, const ActivationArray& x, const Array<float>& pooled);

  Device device_;
  ResidualBlockGeometry geometry_;
  VariantChoice choice_;
  Kernel run_;
  Array<float> weights_, affine_;      // [2 units][36][C][C], [2 units (+ 1 of the pool)][2][C]
  std::vector<Array<float>> filters_;  // slices of weights_, by convolution
  std::vector<View> norms_;
  std::optional<ConvForward> head_;  // also holds the head's weights
  std::optional<conv::FilterLayout> layout_;
  int most_split_ = 0;
  std::optional<ConvForward> conv1_, conv2_;  // these and the pool where images are split
  std::optional<GlobalAveragePool> pool_;
  ActivationArray between_;  // the result of conv1 where the convolutions are split
};

}  // namespace cascadecl
