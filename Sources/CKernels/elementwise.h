// Element by element kernels. Included by variant.h only.

// x[i] = f(x[i]) for all i; `v` is the value inside `expression`.
#define MAP(x, n, expression)                       \
  do {                                              \
    size_t i_ = 0;                                  \
    for (; i_ + CK_LANES <= (n); i_ += CK_LANES) {  \
      vf v = load((x) + i_);                        \
      store((x) + i_, expression);                  \
    }                                               \
    if (i_ < (n)) {                                 \
      vf v = load_some((x) + i_, (n) - i_);         \
      store_some((x) + i_, expression, (n) - i_);   \
    }                                               \
  } while (0)

// y[i] = f(y[i], x[i]); `d` is y's value and `v` x's.
#define MAP2(y, x, n, expression)                   \
  do {                                              \
    size_t i_ = 0;                                  \
    for (; i_ + CK_LANES <= (n); i_ += CK_LANES) {  \
      vf d = load((y) + i_), v = load((x) + i_);    \
      store((y) + i_, expression);                  \
    }                                               \
    if (i_ < (n)) {                                 \
      vf d = load_some((y) + i_, (n) - i_);         \
      vf v = load_some((x) + i_, (n) - i_);         \
      store_some((y) + i_, expression, (n) - i_);   \
    }                                               \
  } while (0)

static void add(float *y, const float *x, size_t n) { MAP2(y, x, n, d + v); }

static void axpy(float *y, const float *x, float a, size_t n) { MAP2(y, x, n, d + a * v); }

static void multiply(float *y, const float *x, size_t n) { MAP2(y, x, n, d * v); }

static void affine(float *y, float scale, float shift, size_t n) {
  MAP(y, n, v * scale + shift);
}

static void normalize(
    float *y, const float *x, float mean, float scale, float shift, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) store(y + i, (load(x + i) - mean) * scale + shift);
  if (i < n) store_some(y + i, (load_some(x + i, n - i) - mean) * scale + shift, n - i);
}

static double sum(const float *x, size_t n) {
  vd total = 0, other = 0;
  size_t i = 0;
  for (; i + 2 * CK_LANES <= n; i += 2 * CK_LANES) {
    total += __builtin_convertvector(load(x + i), vd);
    other += __builtin_convertvector(load(x + i + CK_LANES), vd);
  }
  for (; i + CK_LANES <= n; i += CK_LANES) total += __builtin_convertvector(load(x + i), vd);
  if (i < n) other += __builtin_convertvector(load_some(x + i, n - i), vd);
  total += other;
  return add_lanes(&total);
}

static double dot(const float *a, const float *b, size_t n) {
  vd total = 0;
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    total += __builtin_convertvector(load(a + i), vd) * __builtin_convertvector(load(b + i), vd);
  }
  if (i < n) {
    total += __builtin_convertvector(load_some(a + i, n - i), vd) *
             __builtin_convertvector(load_some(b + i, n - i), vd);
  }
  return add_lanes(&total);
}

static void activate(int kind, float *x, size_t n) {
  const vf zero = 0, one = 1;
  switch (kind) {
    case CK_LINEAR: break;
    case CK_LOGISTIC: MAP(x, n, vlogistic(v)); break;
    case CK_LOGGY: MAP(x, n, 2.0f * vlogistic(v) - 1.0f); break;
    // The comparisons keep a NaN: bad weights must show, not vanish.
    case CK_RELU: MAP(x, n, choose(v < zero, zero, v)); break;
    case CK_RELU6: MAP(x, n, choose(v < zero, zero, choose(v > 6.0f, splat(6), v))); break;
    case CK_ELU: MAP(x, n, choose(v < zero, vexp(v) - 1.0f, v)); break;
    case CK_SELU:
      MAP(x, n, 1.0507f * choose(v < zero, 1.6732f * (vexp(v) - 1.0f), v));
      break;
    case CK_GELU:
      MAP(x, n, 0.5f * v * (1.0f + vtanh(0.797885f * v + 0.035677f * v * v * v)));
      break;
    case CK_RELIE: MAP(x, n, choose(v > zero, v, 0.01f * v)); break;
    case CK_LEAKY: MAP(x, n, choose(v > zero, v, 0.1f * v)); break;
    case CK_RAMP: MAP(x, n, choose(v > zero, v, zero) + 0.1f * v); break;
    case CK_TANH: MAP(x, n, vtanh(v)); break;
    case CK_PLSE:
      MAP(
          x, n,
          choose(
              v < -4.0f, 0.01f * (v + 4.0f),
              choose(v > 4.0f, 0.01f * (v - 4.0f) + 1.0f, 0.125f * v + 0.5f)));
      break;
    case CK_STAIR:
      for (size_t i = 0; i < n; ++i) {
        float whole = floorf(x[i]), half = floorf(x[i] / 2);
        x[i] = fmodf(whole, 2) == 0 ? half : (x[i] - whole) + half;
      }
      break;
    case CK_HARDTAN:
      MAP(x, n, choose(v < -1.0f, -one, choose(v > 1.0f, one, v)));
      break;
    case CK_LHTAN:
      MAP(
          x, n,
          choose(v < zero, 0.001f * v, choose(v > 1.0f, 0.001f * (v - 1.0f) + 1.0f, v)));
      break;
    case CK_SWISH: MAP(x, n, vswish(v)); break;
    case CK_MISH:
      MAP(x, n, v * vmish_factor(vexp(choose(v > 20.0f, splat(20), v))));
      break;
    case CK_HARD_MISH:
      MAP(x, n, choose(v <= -2.0f, zero, choose(v > zero, v, v * v * 0.5f + v)));
      break;
    default: break;
  }
}

// d/dx of x tanh(softplus(x)): x (1 - t^2) (1 - e^-softplus) + t.
INLINE vf mish_slope(vf x) {
  vf e = vexp(choose(x > 20.0f, splat(20), x));
  vf t = vmish_factor(e);
  return x * (1.0f - t * t) * (e / (1.0f + e)) + t;
}

INLINE vf swish_slope(vf x) {
  vf s = vlogistic(x), y = x * s;
  return y + s * (1.0f - y);
}

// d/dx of x/2 (1 + tanh u), u = 0.797885 x + 0.035677 x^3.
INLINE vf gelu_slope(vf x) {
  vf t = vtanh(0.797885f * x + 0.035677f * x * x * x);
  return 0.5f * (1.0f + t) +
         0.5f * x * (1.0f - t * t) * (0.797885f + 3 * 0.035677f * x * x);
}

static void scale_by_slope(int kind, float *dy, const float *y, size_t n) {
  const vf zero = 0, one = 1;
  switch (kind) {
    case CK_LINEAR: break;
    case CK_LOGISTIC: MAP2(dy, y, n, d * ((1.0f - v) * v)); break;
    case CK_LOGGY: MAP2(dy, y, n, d * (0.5f * (1.0f - v) * (v + 1.0f))); break;
    case CK_RELU: MAP2(dy, y, n, choose(v > zero, d, zero)); break;
    case CK_RELU6: MAP2(dy, y, n, choose((v > zero) & (v < 6.0f), d, zero)); break;
    case CK_ELU: MAP2(dy, y, n, d * choose(v < zero, v + 1.0f, one)); break;
    case CK_SELU:
      MAP2(dy, y, n, d * choose(v < zero, v + 1.0507f * 1.6732f, splat(1.0507f)));
      break;
    case CK_GELU: MAP2(dy, y, n, d * gelu_slope(v)); break;
    case CK_RELIE: MAP2(dy, y, n, choose(v > zero, d, 0.01f * d)); break;
    case CK_LEAKY: MAP2(dy, y, n, choose(v > zero, d, 0.1f * d)); break;
    case CK_RAMP: MAP2(dy, y, n, choose(v > zero, 1.1f * d, 0.1f * d)); break;
    case CK_TANH: MAP2(dy, y, n, d * (1.0f - v * v)); break;
    case CK_PLSE:
      MAP2(dy, y, n, d * choose((v < zero) | (v > 1.0f), splat(0.01f), splat(0.125f)));
      break;
    case CK_STAIR:
      for (size_t i = 0; i < n; ++i) {
        if (floorf(y[i]) == y[i]) dy[i] = 0;
      }
      break;
    case CK_HARDTAN: MAP2(dy, y, n, choose((v > -1.0f) & (v < 1.0f), d, zero)); break;
    case CK_LHTAN: MAP2(dy, y, n, choose((v > zero) & (v < 1.0f), d, 0.001f * d)); break;
    case CK_SWISH: MAP2(dy, y, n, d * swish_slope(v)); break;
    case CK_MISH: MAP2(dy, y, n, d * mish_slope(v)); break;
    case CK_HARD_MISH:
      MAP2(dy, y, n, d * choose(v > zero, one, choose(v > -2.0f, v + 1.0f, zero)));
      break;
    default: break;
  }
}

static void max_rows_2x2(const float *top, const float *bottom, float *out, size_t out_width) {
  typedef float pair __attribute__((ext_vector_type(2 * CK_LANES), aligned(4), may_alias));
  size_t i = 0;
  for (; i + CK_LANES <= out_width; i += CK_LANES) {
    pair a = *(const pair *)(top + 2 * i), b = *(const pair *)(bottom + 2 * i);
    store(out + i, vmax(vmax(a.even, a.odd), vmax(b.even, b.odd)));
  }
  for (; i < out_width; ++i) {
    float a = top[2 * i] > top[2 * i + 1] ? top[2 * i] : top[2 * i + 1];
    float b = bottom[2 * i] > bottom[2 * i + 1] ? bottom[2 * i] : bottom[2 * i + 1];
    out[i] = a > b ? a : b;
  }
}
