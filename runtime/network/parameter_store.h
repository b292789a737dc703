#pragma once
#include <map>
#include <string>

#include "runtime/network/description.h"
#include "runtime/network/parameters.h"
#include "runtime/opencl/device.h"

namespace cascadecl {

// The parameters of a network on a device. All trained ones lie in one flat array, so that one launch updates them all;
// the running statistics lie apart. Slices refer to the same memory.
class ParameterStore {
 public:
  // Uploads; throws ShapeError where `parameters` does not fit the network.
  ParameterStore(const Device& device, const Network& network, const Parameters& parameters);

  // The slice "layer/parameter".
  const Array<float>& operator[](const std::string& key) const { return slices_.at(key); }
  const Array<float>& trained() const { return trained_; }

  // Where in trained() the last layer's parameters lie, side by side, and the gap behind them that aligns the next.
  struct Range {
    std::size_t begin = 0, end = 0;
  };
  Range last_layer() const;

  // A flat array laid out like trained(), zero, and its slices: gradients, momentum.
  Array<float> make_companion() const;
  std::map<std::string, Array<float>, std::less<>> companion_slices(const Array<float>& companion) const;

  // Copies of all parameters, or of a companion's (without running statistics).
  Parameters download() const;
  Parameters download(const Array<float>& companion) const;
  void upload(const Parameters& parameters);
  void upload(const Array<float>& companion, const Parameters& values) const;

  std::size_t bytes() const { return (trained_.size() + statistics_.size()) * sizeof(float); }

 private:
  struct Place {
    bool trained = true;
    std::size_t offset = 0, size = 0;
  };
  Device device_;
  Network network_;
  std::map<std::string, Place, std::less<>> places_;
  std::map<std::string, Array<float>, std::less<>> slices_;
  Array<float> trained_, statistics_;
};

}  // namespace cascadecl
