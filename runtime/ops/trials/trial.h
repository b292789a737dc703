#pragma once
#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "runtime/opencl/device.h"
#include "runtime/ops/image_shape.h"

// The work that the tuner times: an operation as networks use it, on random data.
namespace cascadecl {

// The random numbers that all trials of a job run on. They are drawn once, when first asked for.
class TrialData {
 public:
  explicit TrialData(const Device& device) : device_(device) {}
  // The values of random_activation() and random_floats(). Do not write to them.
  Array<float> activation(ImageShape shape, int n, std::uint64_t seed);
  Array<float> floats(std::size_t count, std::uint64_t seed, float scale = 1);

 private:
  using Key = std::tuple<int, int, int, std::size_t, std::uint64_t, float>;
  Device device_;
  std::map<Key, Array<float>> drawn_;
};

// What a trial is built for.
struct TrialContext {
  Device device;  // with the values to try as its tuning
  // `reference` for the results that all others are compared with. Kernels without a reference of their own run as
  // their rule sets them: their tunables only divide the work, and the tests hold that against plain loops.
  KernelClass kernels = KernelClass::automatic;
  TrialData& data;
  int images = 1;     // of the largest run
  int max_batch = 1;  // of the plan that it stands for
  BatchClass batch() const { return batch_class(max_batch); }
};

// An operation, built, with everything that it reads and writes.
struct Trial {
  // An array that it writes: `per_image` floats for each image of the run, or all of it where that is 0.
  struct Output {
    Array<float> array;
    std::size_t per_image = 0;
  };
  std::function<void(int n)> run;  // enqueues it for the first n images
  std::vector<Output> outputs;
};

// Throws DeviceError where the device refuses the values.
using MakeTrial = std::function<Trial(const TrialContext&)>;

}  // namespace cascadecl
