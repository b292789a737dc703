#pragma once
#include <cstdint>
#include <optional>

namespace cascadecl {

// Joins the readings of a counter that runs 0..largest and then starts at 0 again into one count that only grows.
// Exact as long as the counter moves by at most half its range between two readings.
class WrapCounter {
 public:
  // largest < 2^64 - 1.
  explicit WrapCounter(std::uint64_t largest) : modulus_(largest + 1) {}

  // The zero of the count. False (and nothing changes) if the reading exceeds largest.
  bool start(std::uint64_t reading) {
    if (reading >= modulus_) return false;
    last_ = reading;
    total_ = 0;
    return true;
  }

  // The count since start(). Empty, and nothing changes, if the reading exceeds largest or lies more than half the
  // range ahead: the counter stepped back (a reset), it did not wrap.
  std::optional<std::uint64_t> add(std::uint64_t reading) {
    if (reading >= modulus_) return std::nullopt;
    const std::uint64_t step = reading >= last_ ? reading - last_ : modulus_ - last_ + reading;
    if (step > modulus_ / 2) return std::nullopt;
    last_ = reading;
    return total_ += step;
  }

 private:
  std::uint64_t modulus_;
  std::uint64_t last_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace cascadecl
