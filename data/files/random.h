#pragma once
#include <Random123/philox.h>

#include <array>
#include <cstdint>

namespace cascadecl {

// Four random words that depend on nothing but the seed and a counter (Philox4x32-10, Salmon et al. 2011). Callers
// divide the counter among the things they draw for: image, epoch, purpose.
inline std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t low, std::uint64_t high = 0) {
  const auto word = [](std::uint64_t value, int i) { return static_cast<std::uint32_t>(value >> (32 * i)); };
  const r123::Philox4x32::ctr_type counter = {{word(low, 0), word(low, 1), word(high, 0), word(high, 1)}};
  const r123::Philox4x32::key_type key = {{word(seed, 0), word(seed, 1)}};
  const auto out = r123::Philox4x32()(counter, key);
  return {out[0], out[1], out[2], out[3]};
}

// The purpose of a stream. Streams of one seed for different purposes have nothing in common.
enum class RandomPurpose : std::uint64_t {
  validation = 1,
  shuffle = 2,
  generated_image = 3,
  difficulty = 4,
  policy_weights = 16,
  policy_shuffle = 17,
  sample_policy = 18,
  random_policy = 19,
  arrivals = 20,
  timing = 21
};

// A stream of random numbers: the words of philox(seed, stream, 0 | purpose), philox(seed, stream, 1 | purpose), ...
// one after the other.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint64_t stream)
      : seed_(seed), stream_(stream), counter_(static_cast<std::uint64_t>(purpose) << 48) {}

  std::uint32_t word() {
    if (used_ == 4) {
      block_ = philox(seed_, stream_, counter_++);
      used_ = 0;
    }
    return block_[used_++];
  }

  // Uniform in [0, bound), bound > 0. The bias, bound / 2^64, does not matter.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t high = word();
    const std::uint64_t value = high << 32 | word();
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(value) * bound >> 64);
  }

 private:
  std::uint64_t seed_, stream_, counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
};

}  // namespace cascadecl
