// Passes over whole maps in training, fused so that a map goes through memory as seldom as
// possible. Included by variant.h only.

// Values on which one step follows another while they are in the first-level cache.
enum { TRAINING_RUN = 1024 };

// sums[0] += sum of x - shift, sums[1] += sum of (x - shift)^2
static void moments(const float *x, double shift, size_t n, double *sums) {
  vd total = 0, squares = 0;
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    const vd d = __builtin_convertvector(load(x + i), vd) - shift;
    total += d;
    squares += d * d;
  }
  sums[0] += add_lanes(&total);
  sums[1] += add_lanes(&squares);
  for (; i < n; ++i) {
    const double d = x[i] - shift;
    sums[0] += d;
    sums[1] += d * d;
  }
}

// y = activation((x - mean) * scale + shift); `y` may be `x`.
static void normalize_activate(
    int kind, float *y, const float *x, float mean, float scale, float shift, size_t n) {
  float slope;
  if (slope_of(kind, &slope)) {
    const vf s = splat(slope);
    size_t i = 0;
    for (; i + CK_LANES <= n; i += CK_LANES) {
      store(y + i, sloped((load(x + i) - mean) * scale + shift, s));
    }
    if (i < n) {
      store_some(y + i, sloped((load_some(x + i, n - i) - mean) * scale + shift, s), n - i);
    }
    return;
  }
  for (size_t i = 0; i < n; i += TRAINING_RUN) {
    const size_t count = smaller(TRAINING_RUN, n - i);
    normalize(y + i, x + i, mean, scale, shift, count);
    activate(kind, y + i, count);
  }
}

// dy times the slope, which is 1 where (x - mean) * scale + shift is above zero, as
// normalize_activate computed it.
INLINE vf bent(vf dy, vf x, float mean, float scale, float shift, vf slope) {
  return choose((x - mean) * scale + shift > 0.0f, dy, dy * slope);
}

// sums[0] += sum of d, sums[1] += sum of d * (x - mean), with d = dy times the slope of an
// activation that is max(u, slope u).
static void bn_leaky_backward_reduce(
    float slope, const float *dy, const float *x, float mean, float scale, float shift, size_t n,
    double *sums) {
  const vf s = splat(slope);
  const double center = mean;
  vd total = 0, product = 0;
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    const vf v = load(x + i);
    const vd d = __builtin_convertvector(bent(load(dy + i), v, mean, scale, shift, s), vd);
    total += d;
    product += d * (__builtin_convertvector(v, vd) - center);
  }
  if (i < n) {
    // Lanes past the end have a gradient of zero.
    const vf v = load_some(x + i, n - i);
    const vf g = load_some(dy + i, n - i);
    const vd d = __builtin_convertvector(bent(g, v, mean, scale, shift, s), vd);
    total += d;
    product += d * (__builtin_convertvector(v, vd) - center);
  }
  sums[0] += add_lanes(&total);
  sums[1] += add_lanes(&product);
}

// dy = a * d + b * x + c, with the same d.
static void bn_leaky_backward_apply(
    float slope, float *dy, const float *x, float mean, float scale, float shift, float a, float b,
    float c, size_t n) {
  const vf s = splat(slope);
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    const vf v = load(x + i);
    store(dy + i, bent(load(dy + i), v, mean, scale, shift, s) * a + (v * b + c));
  }
  if (i < n) {
    const vf v = load_some(x + i, n - i);
    const vf d = bent(load_some(dy + i, n - i), v, mean, scale, shift, s);
    store_some(dy + i, d * a + (v * b + c), n - i);
  }
}

// Maxima of 2 x 2 blocks of two rows, and which of the four was the first of the largest.
static void maxpool2x2_argmax(
    const float *top, const float *bottom, float *out, uint8_t *which, size_t out_width) {
  typedef float pair __attribute__((ext_vector_type(2 * CK_LANES), aligned(4), may_alias));
  typedef uint8_t bytes __attribute__((ext_vector_type(CK_LANES), aligned(1), may_alias));
  size_t i = 0;
  for (; i + CK_LANES <= out_width; i += CK_LANES) {
    const pair a = *(const pair *)(top + 2 * i), b = *(const pair *)(bottom + 2 * i);
    vf best = a.even;
    vi at = 0;
    vf other = a.odd;
    vi larger = other > best;
    best = choose(larger, other, best);
    at = larger ? (vi)1 : at;
    other = b.even;
    larger = other > best;
    best = choose(larger, other, best);
    at = larger ? (vi)2 : at;
    other = b.odd;
    larger = other > best;
    best = choose(larger, other, best);
    at = larger ? (vi)3 : at;
    store(out + i, best);
    *(bytes *)(which + i) = __builtin_convertvector(at, bytes);
  }
  for (; i < out_width; ++i) {
    const float four[4] = {top[2 * i], top[2 * i + 1], bottom[2 * i], bottom[2 * i + 1]};
    uint8_t at = 0;
    for (uint8_t k = 1; k < 4; ++k) {
      if (four[k] > four[at]) at = k;
    }
    out[i] = four[at];
    which[i] = at;
  }
}

INLINE void spread_rows_of(
    const float *dy, const uint8_t *which, float *top, float *bottom, size_t width,
    const bool adds) {
  typedef float pair __attribute__((ext_vector_type(2 * CK_LANES), aligned(4), may_alias));
  typedef uint8_t bytes __attribute__((ext_vector_type(CK_LANES), aligned(1), may_alias));
  const vf zero = 0;
  size_t i = 0;
  for (; i + CK_LANES <= width; i += CK_LANES) {
    const vf d = load(dy + i);
    const vi at = __builtin_convertvector(*(const bytes *)(which + i), vi);
    pair a, b;
    a.even = choose(at == 0, d, zero);
    a.odd = choose(at == 1, d, zero);
    b.even = choose(at == 2, d, zero);
    b.odd = choose(at == 3, d, zero);
    pair *t = (pair *)(top + 2 * i), *u = (pair *)(bottom + 2 * i);
    *t = adds ? *t + a : a;
    *u = adds ? *u + b : b;
  }
  for (; i < width; ++i) {
    for (size_t k = 0; k < 4; ++k) {
      float *to = (k < 2 ? top : bottom) + 2 * i + k % 2;
      *to = (adds ? *to : 0) + (which[i] == k ? dy[i] : 0);
    }
  }
}

// The way back: each gradient to the value that was the maximum, zero (or nothing) to the others.
static void maxpool2x2_backward(
    const float *dy, const uint8_t *which, float *top, float *bottom, size_t width, bool adds) {
  if (adds) spread_rows_of(dy, which, top, bottom, width, true);
  else spread_rows_of(dy, which, top, bottom, width, false);
}

// v += g + decay * w, w -= rate * v, v *= momentum, g = 0
static void sgd_step(
    float *w, float *v, float *g, float rate, float decay, float momentum, size_t n) {
  const vf zero = {0};
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    const vf value = load(w + i), sum = (load(v + i) + load(g + i)) + decay * value;
    store(w + i, value - rate * sum);
    store(v + i, sum * momentum);
    store(g + i, zero);
  }
  if (i < n) {
    const vf value = load_some(w + i, n - i);
    const vf sum = (load_some(v + i, n - i) + load_some(g + i, n - i)) + decay * value;
    store_some(w + i, value - rate * sum, n - i);
    store_some(v + i, sum * momentum, n - i);
    store_some(g + i, zero, n - i);
  }
}
