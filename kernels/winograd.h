// winograd.h: the one-dimensional transforms of Winograd's F(4,3) on vectors of one channel block.
//   Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), with interpolation points 0, 1, -1, 2,
//   -2. A tile of 4x4 outputs comes from 6x6 inputs d and a 3x3 filter g:   Y = A' [ (G g G') . (B' d B) ] A
#ifndef WINOGRAD_H
#define WINOGRAD_H

#ifndef HEIGHT
#define HEIGHT 32
#endif
#ifndef WIDTH
#define WIDTH 32
#endif

// B' d: six inputs to six frequencies, in two halves that may be computed apart where registers are few.
#define WINOGRAD_INPUT_LOW(d0, d1, d2, d3, d4, d5, v0, v1, v2) \
  {                                                            \
    const VEC p_ = fma((VEC)(-4.0f), d2, d4);                  \
    const VEC q_ = fma((VEC)(-4.0f), d1, d3);                  \
    v0 = fma((VEC)(4.0f), d0, fma((VEC)(-5.0f), d2, d4));      \
    v1 = p_ + q_;                                              \
    v2 = p_ - q_;                                              \
  }
#define WINOGRAD_INPUT_HIGH(d0, d1, d2, d3, d4, d5, v3, v4, v5) \
  {                                                             \
    const VEC r_ = d4 - d2;                                     \
    const VEC s_ = (d3 - d1) * 2.0f;                            \
    v3 = r_ + s_;                                               \
    v4 = r_ - s_;                                               \
    v5 = fma((VEC)(4.0f), d1, fma((VEC)(-5.0f), d3, d5));       \
  }
#define WINOGRAD_INPUT(d0, d1, d2, d3, d4, d5, v0, v1, v2, v3, v4, v5) \
  WINOGRAD_INPUT_LOW(d0, d1, d2, d3, d4, d5, v0, v1, v2)               \
  WINOGRAD_INPUT_HIGH(d0, d1, d2, d3, d4, d5, v3, v4, v5)

// A' m: six frequencies to four outputs.
#define WINOGRAD_OUTPUT(m0, m1, m2, m3, m4, m5, y0, y1, y2, y3) \
  {                                                             \
    const VEC a_ = m1 + m2, b_ = m1 - m2;                       \
    const VEC c_ = m3 + m4, e_ = m3 - m4;                       \
    y0 = m0 + a_ + c_;                                          \
    y1 = fma((VEC)(2.0f), e_, b_);                              \
    y2 = fma((VEC)(4.0f), c_, a_);                              \
    y3 = fma((VEC)(8.0f), e_, b_) + m5;                         \
  }

// A y: four output gradients to six frequencies (the transpose of WINOGRAD_OUTPUT).
#define WINOGRAD_OUTPUT_TRANSPOSED(y0, y1, y2, y3, m0, m1, m2, m3, m4, m5) \
  {                                                                        \
    const VEC a_ = y0 + y2, b_ = y1 + y3;                                  \
    const VEC c_ = fma((VEC)(4.0f), y2, y0);                               \
    const VEC e_ = fma((VEC)(8.0f), y3, y1 * 2.0f);                        \
    m0 = y0;                                                               \
    m1 = a_ + b_;                                                          \
    m2 = a_ - b_;                                                          \
    m3 = c_ + e_;                                                          \
    m4 = c_ - e_;                                                          \
    m5 = y3;                                                               \
  }

// G g: three filter taps to six frequencies.
#define WINOGRAD_FILTER(g0, g1, g2, u0, u1, u2, u3, u4, u5) \
  {                                                         \
    const VEC a_ = (g0) + (g2);                             \
    const VEC c_ = (g0) + 4.0f * (g2);                      \
    u0 = (g0) / 4.0f;                                       \
    u1 = -(a_ + (g1)) / 6.0f;                               \
    u2 = -(a_ - (g1)) / 6.0f;                               \
    u3 = (c_ + 2.0f * (g1)) / 24.0f;                        \
    u4 = (c_ - 2.0f * (g1)) / 24.0f;                        \
    u5 = (g2);                                              \
  }

// G' u: six frequencies to three filter taps (the transpose of WINOGRAD_FILTER).
#define WINOGRAD_FILTER_TRANSPOSED(u0, u1, u2, u3, u4, u5, g0, g1, g2) \
  {                                                                    \
    g0 = (u0) / 4.0f - ((u1) + (u2)) / 6.0f + ((u3) + (u4)) / 24.0f;   \
    g1 = ((u2) - (u1)) / 6.0f + ((u3) - (u4)) / 12.0f;                 \
    g2 = ((u3) + (u4)) / 6.0f - ((u1) + (u2)) / 6.0f + (u5);           \
  }

#endif
