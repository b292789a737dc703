// philox.h: Philox4x32-10, the counter-based random generator of Salmon, Moraes, Dror and Shaw (2011), "Parallel Random
//   Numbers: As Easy as 1, 2, 3". The same counter and key give the same four words on every device and on the host.
#ifndef PHILOX_H
#define PHILOX_H

static inline uint4 philox4x32_10(uint4 counter, uint2 key) {
  for (int round = 0; round < 10; ++round) {
    const uint high0 = mul_hi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
    const uint high1 = mul_hi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
    counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
    key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
  }
  return counter;
}

// A random word to an integer in [0, bound).
static inline int philox_below(uint word, int bound) { return (int)mul_hi(word, (uint)bound); }

#endif
