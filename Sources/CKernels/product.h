// The inner product of all fast convolutions: a tile of pixels times a panel of weights.
// Included by variant.h only.
//
//     y[p, f] (+)= sum over segments s, channels c of x[p, s, c] w[s, c, f]
//
// A segment is up to 16 channels that lie together: a block of channels, seen through one tap.
// Pixel p of segment s is at x + offsets[s] + 16 p.

// What the registers hold: MAX_PIXELS x VECTORS sums, VECTORS weights and a pixel.
#if CK_LANES == 16
enum { MAX_PIXELS = 14, VECTORS = 2 };
#elif defined(__aarch64__)
enum { MAX_PIXELS = 6, VECTORS = 4 };
#else
enum { MAX_PIXELS = 6, VECTORS = 2 };
#endif

struct operands {
  const float *x;
  const size_t *offsets;
  size_t segments;
  // The last `tail_segments` have `tail` channels, a multiple of 4; the others 16.
  size_t tail_segments, tail;
  // [channels of all segments, w_row]
  const float *w;
  size_t w_row;
  // Filter f of pixel p is at y + p * y_pixel + f / 16 * y_block + f % 16.
  float *y;
  size_t y_pixel, y_block;
  // For sums that are finished at once: y = max(sum + bias, slope (sum + bias)).
  const float *bias;
  float slope;
};

// What the sums start from, and what happens to them at the end.
enum mode { FRESH, ADDING, FINISHING };

#define UNROLL _Pragma("clang loop unroll(full)")

// `pixels`, `vectors` and `mode` are constants at every call, so the sums live in registers.
INLINE void product_of(
    const struct operands *o, size_t f, const int pixels, const int vectors, const enum mode mode) {
  vf sum[MAX_PIXELS * VECTORS];
  const size_t y_pixel = o->y_pixel, w_row = o->w_row;
  UNROLL for (int v = 0; v < vectors; ++v) {
    const size_t at = f + (size_t)v * CK_LANES;
    const float *y = o->y + at / 16 * o->y_block + at % 16;
    UNROLL for (int p = 0; p < pixels; ++p) {
      sum[p * vectors + v] = mode == ADDING      ? load(y + (size_t)p * y_pixel)
                             : mode == FINISHING ? load(o->bias + at)
                                                 : splat(0);
    }
  }
  const float *w = o->w + f;
  const size_t whole = o->segments - o->tail_segments;
  for (size_t s = 0; s < o->segments; ++s) {
    const float *x = o->x + o->offsets[s];
    const float *end = x + (s < whole ? 16 : o->tail);
    // The next segment's pixels, which may come from the third-level cache.
    const float *next = s + 1 < o->segments ? o->x + o->offsets[s + 1]
                                            : o->x + o->offsets[0] + pixels * 16;
    UNROLL for (int p = 0; p < pixels; ++p) __builtin_prefetch(next + p * 16);
    for (; x < end; x += 4) {
      UNROLL for (int c = 0; c < 4; ++c, w += w_row) {
        vf weight[VECTORS];
        UNROLL for (int v = 0; v < vectors; ++v) weight[v] = load(w + v * CK_LANES);
        UNROLL for (int p = 0; p < pixels; ++p) {
          vf value = splat(x[p * 16 + c]);
          UNROLL for (int v = 0; v < vectors; ++v) sum[p * vectors + v] += value * weight[v];
        }
      }
    }
  }
  UNROLL for (int v = 0; v < vectors; ++v) {
    const size_t at = f + (size_t)v * CK_LANES;
    float *y = o->y + at / 16 * o->y_block + at % 16;
    UNROLL for (int p = 0; p < pixels; ++p) {
      const vf value = sum[p * vectors + v];
      const bool finishing = mode == FINISHING;
      store(y + (size_t)p * y_pixel, finishing ? vmax(value, value * o->slope) : value);
    }
  }
}

#define PRODUCT_CASE(n) \
  case n: product_of(o, f, n, vectors, mode); break;

INLINE void product_sized(
    const struct operands *o, size_t f, int pixels, const int vectors, const enum mode mode) {
  switch (pixels) {
    PRODUCT_CASE(1)
    PRODUCT_CASE(2)
    PRODUCT_CASE(3)
    PRODUCT_CASE(4)
    PRODUCT_CASE(5)
    PRODUCT_CASE(6)
#if CK_LANES == 16
    PRODUCT_CASE(7)
    PRODUCT_CASE(8)
    PRODUCT_CASE(9)
    PRODUCT_CASE(10)
    PRODUCT_CASE(11)
    PRODUCT_CASE(12)
    PRODUCT_CASE(13)
    PRODUCT_CASE(14)
#endif
  }
}

static void product_wide(const struct operands *o, size_t f, int pixels, enum mode mode) {
  switch (mode) {
    case FRESH: product_sized(o, f, pixels, VECTORS, FRESH); break;
    case ADDING: product_sized(o, f, pixels, VECTORS, ADDING); break;
    case FINISHING: product_sized(o, f, pixels, VECTORS, FINISHING); break;
  }
}

#if CK_LANES == 16
// The last 16 filters of an odd number of blocks.
static void product_narrow(const struct operands *o, size_t f, int pixels, enum mode mode) {
  switch (mode) {
    case FRESH: product_sized(o, f, pixels, 1, FRESH); break;
    case ADDING: product_sized(o, f, pixels, 1, ADDING); break;
    case FINISHING: product_sized(o, f, pixels, 1, FINISHING); break;
  }
}
#endif

// All `pixels` and `filters` (a multiple of 16).
static void product(struct operands o, size_t pixels, size_t filters, enum mode mode) {
  // Equal tiles: 16 pixels as 8 + 8, not 14 + 2.
  for (size_t tiles = (pixels + MAX_PIXELS - 1) / MAX_PIXELS; tiles > 0; --tiles) {
    const size_t count = (pixels + tiles - 1) / tiles;
    size_t f = 0;
    for (; f + VECTORS * CK_LANES <= filters; f += VECTORS * CK_LANES) {
      product_wide(&o, f, (int)count, mode);
    }
#if CK_LANES == 16
    if (f < filters) product_narrow(&o, f, (int)count, mode);
#endif
    o.x += count * 16;
    o.y += count * o.y_pixel;
    pixels -= count;
  }
}
