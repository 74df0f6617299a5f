// The vector type of a variant and what every kernel needs of it. Included by variant.h only.

typedef float vf __attribute__((ext_vector_type(CK_LANES)));
typedef int32_t vi __attribute__((ext_vector_type(CK_LANES)));
typedef double vd __attribute__((ext_vector_type(CK_LANES)));
// The same at any address.
typedef float vfu __attribute__((ext_vector_type(CK_LANES), aligned(4), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
INLINE size_t rounded_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

INLINE vf load(const float *p) { return *(const vfu *)p; }
INLINE void store(float *p, vf v) { *(vfu *)p = v; }
INLINE vf splat(float x) { return (vf)x; }
INLINE vf choose(vi mask, vf a, vf b) { return mask ? a : b; }
INLINE vf vmin(vf a, vf b) { return choose(a < b, a, b); }
INLINE vf vmax(vf a, vf b) { return choose(a > b, a, b); }

// The first n < CK_LANES values, the rest zero.
INLINE vf load_some(const float *p, size_t n) {
  float buffer[CK_LANES] = {0};
  memcpy(buffer, p, n * sizeof(float));
  return load(buffer);
}
INLINE void store_some(float *p, vf v, size_t n) {
  float buffer[CK_LANES];
  store(buffer, v);
  memcpy(p, buffer, n * sizeof(float));
}

// By address, as the vector may be wider than the target's registers.
INLINE double add_lanes(const vd *v) {
  double total = 0;
  for (int i = 0; i < CK_LANES; ++i) total += (*v)[i];
  return total;
}

// e^x to about 1e-7 relative: x = k ln 2 + r with |r| <= ln 2 / 2, a polynomial of degree 6 for e^r
// (fitted: relative error below 5e-9), times 2^k. Saturates at 2^127 and 2^-126 instead of inf and
// denormals.
INLINE vf vexp(vf x) {
  x = choose(x > 88.02969f, splat(88.02969f), x);
  x = choose(x < -87.33654f, splat(-87.33654f), x);
  // 1.5 * 2^23: adding it rounds to a whole number, which is then in the lowest bits.
  const float shifter = 12582912.0f;
  const vf shifted = x * 1.44269504f + shifter;
  const vf k = shifted - shifter;
  // ln 2 in two parts; the first has so few bits that k times it is exact.
  const vf r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  vf q = splat(0.0013814538f);
  q = q * r + 0.008368745f;
  q = q * r + 0.04166839f;
  q = q * r + 0.16666521f;
  q = q * r + 0.49999994f;
  vf p = (q * (r * r) + r) + 1.0f;
  // 2^k by adding k to the exponent. A NaN's lowest bits are zero, so it stays one.
  vi bits, power;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&power, &p, sizeof power);
  power += bits << 23;
  memcpy(&p, &power, sizeof p);
  return p;
}

// 1 / d for positive, finite d or NaN, to a rounding or two. Dividing 16 lanes takes as long as all
// of vexp on some CPUs; an approximation of 14 bits and one Newton step a quarter of that.
INLINE vf reciprocal(vf d) {
#if CK_LANES == 16
  const vf r = (vf)_mm512_rcp14_ps((__m512)d);
  return r + r * (1.0f - d * r);
#else
  return 1.0f / d;
#endif
}

INLINE vf vlogistic(vf x) { return 1.0f / (1.0f + vexp(-x)); }

// tanh: 1 - 2 / (e^2x + 1), and its series near zero, where that difference loses digits.
INLINE vf vtanh(vf x) {
  vf far = 1.0f - 2.0f / (vexp(2.0f * x) + 1.0f);
  vf s = x * x;
  vf near = splat(-17.0f / 315);
  near = near * s + 2.0f / 15;
  near = near * s - 1.0f / 3;
  near = near * s * x + x;
  return choose(s < 0.01f, near, far);
}

// tanh(ln(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2): the factor of mish.
INLINE vf vmish_factor(vf e) {
  vf n = e * (e + 2.0f);
  return n * reciprocal(n + 2.0f);
}

// x / (1 + e^-x). e^-x = 2^k 2^f with f exact to a rounding of the exponent: its error grows with
// |x|, but where e^-x is far from 1 the result is x or nearly 0 whatever that error is.
INLINE vf vswish(vf x) {
  const float per_octave = -1.44269504f, shifter = 12582912.0f;
  vf t = choose(x > 87.0f, splat(87.0f), x);
  t = choose(t < -87.0f, splat(-87.0f), t);
  const vf shifted = t * per_octave + shifter;
  const vf f = t * per_octave - (shifted - shifter);
  // 2^f on [-1/2, 1/2], fitted: relative error below 2e-7.
  vf p = splat(0.00132647261f);
  p = p * f + 0.00967151299f;
  p = p * f + 0.0555073358f;
  p = p * f + 0.240222424f;
  p = p * f + 0.693147004f;
  p = p * f + 1.0f;
  vi bits, power;
  memcpy(&bits, &shifted, sizeof bits);
  memcpy(&power, &p, sizeof power);
  power += bits << 23;
  memcpy(&p, &power, sizeof p);
  return x * reciprocal(1.0f + p);
}
